package demo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals/config"
)

// writeConfig writes the demonstration's configuration and reads it back, so
// that what runs is what people find. The file holds the DSN as it was given, so
// that the commands to try work as they are printed; only its owner may read it.
func (s *stage) writeConfig() error {
	dsn := strconv.Quote(strings.ReplaceAll(s.dsn, "${", "$${"))
	text := fmt.Sprintf(configText, dsn, dsn)
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	var err error
	s.file, err = config.Load(s.config, os.LookupEnv)
	return err
}

// writtenDSN is the server of an earlier run in this folder, "" where there is
// none.
func writtenDSN(folder string) (string, error) {
	file, err := config.Load(filepath.Join(folder, "annals.yaml"), os.LookupEnv)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	dsn := file.Sources["shop"].DSN
	parsed, err := config.ParseDSN(dsn)
	if err != nil || parsed.Scheme == config.SchemeSQLite {
		return "", err
	}
	return dsn, nil
}

const configText = `# The configuration of "annals demo". It may hold a password: it is readable by its owner only.
sources:
  shop: {dsn: %s, capture: orm, delivery: direct}
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
