package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/annalscmd"
	"github.com/seed-162b1470/annals/config"
)

// Files of a demonstration in its folder.
const (
	configFile = "annals.yaml"
	shopFile   = "shop.db"
)

// home is the folder of a demonstration, and what an earlier one left there.
type home struct {
	folder string
	// dsn is where the earlier one plays, "" where the folder records none.
	dsn string
	// files are the earlier one's, by name.
	files []string
}

// look finds what an earlier demonstration left in a folder. Its files are told by
// what they hold; one of the same name that is anybody else's is an error.
func look(ctx context.Context, d annalscmd.Demo) (*home, error) {
	folder, err := filepath.Abs(d.Folder)
	if err != nil {
		return nil, fmt.Errorf("find folder %s: %w", d.Folder, err)
	}
	h := &home{folder: folder}
	if err := h.lookAtConfig(); err != nil {
		return nil, err
	}
	return h, h.lookAtShop(ctx, d.Open)
}

// shop is the DSN of the embedded database.
func (h *home) shop() string { return "sqlite:" + h.path(shopFile) }

func (h *home) path(name string) string { return filepath.Join(h.folder, name) }

// foreign refuses a file that no demonstration wrote.
func (h *home) foreign(name, why string) error {
	return &annals.Error{
		Op: "use", Subject: "folder " + h.folder,
		Err:    fmt.Errorf("its %s is not as a demonstration makes it: %s", name, why),
		Remedy: "move that file away, or name another folder with --folder",
	}
}

func (h *home) lookAtConfig() error {
	text, err := os.ReadFile(h.path(configFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for an earlier demonstration: %w", err)
	}
	if !bytes.HasPrefix(text, []byte(configHead)) {
		return h.foreign(configFile, "it is a configuration of somebody's own")
	}
	file, err := config.Load(h.path(configFile), os.LookupEnv)
	if err == nil {
		h.dsn = file.Sources["shop"].DSN
	}
	if err != nil || !bytes.Equal(text, configOf(h.dsn)) {
		return h.foreign(configFile, "it was changed")
	}
	h.files = append(h.files, configFile)
	return nil
}

// lookAtShop tells whether the embedded database is a demonstration's, and holds
// nothing else.
func (h *home) lookAtShop(ctx context.Context, open annalscmd.Opener) error {
	sides, err := h.present(shopFile+"-wal", shopFile+"-shm", shopFile+"-journal")
	if err != nil {
		return err
	}
	info, err := os.Stat(h.path(shopFile))
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(sides) == 0:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return h.foreign(sides[0], "the database to it is missing")
	case err != nil:
		return fmt.Errorf("look for an earlier demonstration: %w", err)
	case info.Size() > 0 || len(sides) > 0:
		if err := h.ownShop(ctx, open); err != nil {
			return h.foreign(shopFile, err.Error())
		}
	}
	h.files = append(append(h.files, shopFile), sides...)
	return nil
}

func (h *home) ownShop(ctx context.Context, open annalscmd.Opener) error {
	db, dia, err := open(ctx, h.shop()+"?mode=ro")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	has, err := holdings(ctx, db, dia)
	switch {
	case err != nil:
		return err
	case !has.marked:
		return errors.New("no demonstration has made it")
	case len(has.foreign) > 0:
		return fmt.Errorf("it holds %s too", strings.Join(has.foreign, ", "))
	}
	return nil
}

// present lists those of the files that are there.
func (h *home) present(names ...string) ([]string, error) {
	var found []string
	for _, name := range names {
		_, err := os.Lstat(h.path(name))
		if err == nil {
			found = append(found, name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("look for an earlier demonstration: %w", err)
		}
	}
	return found, nil
}

// free refuses to forget a demonstration that plays elsewhere.
func (h *home) free(d annalscmd.Demo, dsn string) error {
	if h.dsn == "" || h.dsn == dsn {
		return nil
	}
	return &annals.Error{
		Op: "use", Subject: "folder " + h.folder,
		Err: fmt.Errorf("it keeps the configuration of a demonstration in %s",
			config.RedactDSN(h.dsn)),
		Remedy: fmt.Sprintf("remove that one first: %s; or name another folder with --folder",
			dropCommand(d.Folder)),
	}
}

// make makes the folder where there is none.
func (h *home) make() error {
	if err := os.MkdirAll(h.folder, 0o750); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	return nil
}

// clear removes an earlier demonstration's files, and only those.
func (h *home) clear() error {
	for _, name := range h.files {
		if err := os.Remove(h.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the earlier demonstration: %w", err)
		}
	}
	return nil
}

// leave removes the files, and the folder where nothing is left in it. Where
// somebody stands in the folder it stays.
func (h *home) leave() error {
	if err := h.clear(); err != nil {
		return err
	}
	entries, err := os.ReadDir(h.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read folder: %w", err)
	}
	here, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the current folder: %w", err)
	}
	if len(entries) > 0 || here == h.folder {
		return nil
	}
	if err := os.Remove(h.folder); err != nil {
		return fmt.Errorf("remove folder: %w", err)
	}
	return nil
}
