package demo

import (
	"fmt"
	"os"
	"strconv"

	"github.com/seed-162b1470/annals/config"
)

// inEnv reports whether the DSN must stay out of the configuration file.
func (s *stage) inEnv() bool {
	parsed, err := config.ParseDSN(s.dsn)
	return err == nil && parsed.Secret()
}

// writeConfig writes the demonstration's configuration and reads it back, so
// that what runs is what people find.
func (s *stage) writeConfig() error {
	dsn := strconv.Quote(s.dsn)
	if s.inEnv() {
		dsn = `"${` + dsnVariable + `}"`
	}
	text := fmt.Sprintf(configText, dsn, dsn)
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	env := func(name string) (string, bool) {
		if name == dsnVariable {
			return s.dsn, true
		}
		return os.LookupEnv(name)
	}
	// The commands that follow read the same variable.
	if s.inEnv() {
		if err := os.Setenv(dsnVariable, s.dsn); err != nil {
			return fmt.Errorf("set %s: %w", dsnVariable, err)
		}
	}
	var err error
	s.file, err = config.Load(s.config, env)
	return err
}

const configText = `# The configuration of "annals demo".
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
