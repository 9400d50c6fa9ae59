// Command mounted is a shop's own command with annals in it: the whole of it as
// "shop audit …", and "shop history …" beside the program's own commands. There is
// no annals.yaml: the commands use the auditor that the program captures with.
//
//	shop --database sqlite:shop.db price 1 4.20
//	shop --database sqlite:shop.db history product 1
//	shop --database sqlite:shop.db audit log --limit 5
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := newCommand().ExecuteContext(ctx)
	stop()
	os.Exit(annalscmd.ExitCode(err)) // cobra has printed the error
}

// product is a table of the shop.
type product struct {
	ID    uint
	Name  string
	Price string `gorm:"type:decimal(10,2)"`
}

// shop is the program: what its flags say, and its database once it is open.
type shop struct {
	database, user string
	db             *gorm.DB
}

// guide: begin

// newCommand is the program's command, with annals in it.
func newCommand() *cobra.Command {
	s := &shop{}
	root := &cobra.Command{Use: "shop", SilenceUsage: true}
	flags := root.PersistentFlags()
	flags.StringVar(&s.database, "database", "sqlite:shop.db", "the shop's database")
	flags.StringVarP(&s.user, "user", "u", "nobody", "who does it")
	flags.CountP("verbose", "v", "tell more")
	root.AddCommand(s.setup(), s.price())

	opts := annalscmd.Options{Name: "audit", Auditor: s.auditor}
	cobra.CheckErr(annalscmd.Mount(root, opts))            // shop audit log …
	cobra.CheckErr(annalscmd.Mount(root, opts, "history")) // shop history …
	return root
}

// auditor is the one that the shop captures with, and that annals' commands ask.
func (s *shop) auditor(context.Context) (*auditor.Auditor, error) {
	db, err := s.open()
	if err != nil {
		return nil, err
	}
	sqlDB, err := db.DB()
	if err != nil {
		return nil, err
	}
	return auditor.New(auditor.Config{
		Sources:  map[string]auditor.Source{"shop": {DB: sqlDB, Dialect: db.Name()}},
		Entities: map[string]config.Entity{"product": {Table: "products", Label: "name"}},
	})
}

// guide: end

// audited opens the shop's database with the capture in it.
func (s *shop) audited(ctx context.Context) (*gorm.DB, error) {
	aud, err := s.auditor(ctx)
	if err != nil {
		return nil, err
	}
	return s.db, s.db.Use(gormcapture.New(aud))
}

func (s *shop) setup() *cobra.Command {
	return &cobra.Command{
		Use: "setup", Short: "Make the shop's tables, with one product", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			db, err := s.audited(cmd.Context())
			if err != nil {
				return err
			}
			if err := gormcapture.AutoMigrate(cmd.Context(), db, &product{}); err != nil {
				return err
			}
			return db.WithContext(s.acting(cmd.Context())).
				Create(&product{Name: "Blue cup", Price: "4.50"}).Error
		},
	}
}

func (s *shop) price() *cobra.Command {
	return &cobra.Command{
		Use: "price PRODUCT PRICE", Short: "Change a price", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := s.audited(cmd.Context())
			if err != nil {
				return err
			}
			done := db.WithContext(s.acting(cmd.Context())).Model(&product{}).
				Where("id = ?", args[0]).Update("price", args[1])
			if done.Error != nil {
				return fmt.Errorf("change price: %w", done.Error)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d changed\n", done.RowsAffected)
			return nil
		},
	}
}

// acting says who acts.
func (s *shop) acting(ctx context.Context) context.Context {
	return annals.WithActor(ctx, annals.Actor{ID: s.user, Name: s.user, Context: "console"})
}
