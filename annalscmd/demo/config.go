package demo

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals/config"
)

// writeConfig writes the demonstration's configuration and reads it back, so
// that what runs is what people find. The file holds the DSN as it was given, so
// that the commands to try work as they are printed; only its owner may read it.
func (s *stage) writeConfig() error {
	if err := s.home.make(); err != nil {
		return err
	}
	if err := os.WriteFile(s.config, configOf(s.dsn), 0o600); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	var err error
	s.file, err = config.Load(s.config, os.LookupEnv)
	return err
}

// configOf is the whole file of a demonstration that plays at this DSN.
func configOf(dsn string) []byte {
	dsn = strconv.Quote(strings.ReplaceAll(dsn, "${", "$${"))
	return fmt.Appendf(nil, configHead+configText, dsn, dsn)
}

// configHead tells the file from one of somebody's own.
const configHead = `# The configuration of "annals demo". It may hold a password: ` +
	"it is readable by its owner only.\n"

const configText = `sources:
  shop: {dsn: %s, capture: trigger, delivery: direct}
storages:
  default: {dsn: %s}
entities:
  customer: {table: shop_customer, label: name, mask: [email]}
  product:  {table: shop_product, label: name, soft_delete: deleted_at}
  tag:      {table: shop_tag, label: name}
  order:    {table: shop_order, label: status}
  item:     {table: shop_item}
relations:
  product.tags:    {entity: tag, through: shop_product_tag}
  customer.orders: {entity: order, column: customer_id}
  order.items:     {entity: item, column: order_id}
`
