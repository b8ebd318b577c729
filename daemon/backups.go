package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	units "github.com/docker/go-units"

	"volundr/daemon/auth"
	"volundr/daemon/backup"
	"volundr/daemon/config"
	"volundr/runtime"
	"volundr/store"
)

// Backups make, check and take back backups of the data directory, beside the
// daemon, and say on out what they did. A nil passphrase makes one without keys.
type Backups struct{ Version string }

// Create makes a backup at file.
func (b Backups) Create(ctx context.Context, cfg config.Config, file string, passphrase func() (string, error), out io.Writer) error {
	// What is full or cannot be written has to be backed up all the same.
	begun := func(ctx context.Context) {
		detail := map[string]string{"keys": map[bool]string{true: "yes", false: "no"}[passphrase != nil]}
		if err := store.Note(ctx, cfg.Paths.DB, atTheMachine(), store.ActBackupMade, file, detail); err != nil {
			fmt.Fprintf(out, "The audit does not say that this backup was made: %v.\n", err)
		}
	}
	i, err := backup.Create(ctx, backup.Options{Paths: cfg.Paths, File: file, Version: b.Version, Passphrase: passphrase, Begun: begun})
	if err != nil {
		return err
	}
	size := int64(0)
	if info, err := os.Stat(file); err == nil {
		size = info.Size()
	}
	fmt.Fprintf(out, "Wrote %s (%s): %s.\n", file, units.HumanSize(float64(size)), about(i))
	if !i.Keys {
		fmt.Fprintln(out, "It is not encrypted, and without keys: stored credentials, packs and archives open only where the key of this installation is.")
	}
	missing(i, out)
	return nil
}

// atTheMachine is who has a shell on the daemon's machine.
func atTheMachine() store.Principal {
	p := auth.Local
	p.Name, p.By = p.UserID, "command line"
	return p
}

// Verify reads a backup from end to end.
func (b Backups) Verify(ctx context.Context, cfg config.Config, file string, passphrase func() (string, error), out io.Writer) error {
	i, err := backup.Verify(ctx, backup.Options{Paths: cfg.Paths, File: file, Version: b.Version, Passphrase: passphrase})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is whole: %s.\n", file, about(i))
	missing(i, out)
	return nil
}

// about says what a backup holds.
func about(i backup.Info) string {
	keys := "keys"
	if !i.Keys {
		keys = "no keys"
	}
	return fmt.Sprintf("installation %s at %s, %d sessions, %d packs, %s, written by volundr %s",
		i.Installation, i.MadeAt.Format("2006-01-02 15:04 MST"), i.Sessions, i.Packs, keys, i.Version)
}

func missing(i backup.Info, out io.Writer) {
	for _, name := range i.Missing {
		fmt.Fprintf(out, "Missing: %s, which the database names, was not in the data directory.\n", name)
	}
}

// Restore makes an unused data directory that of the backup, and looks which
// sessions' volumes are there. Nobody is logged in then, and no token counts
// unless they are kept.
func (b Backups) Restore(ctx context.Context, cfg config.Config, file string, keepTokens bool, passphrase func() (string, error), out io.Writer) error {
	if err := os.MkdirAll(cfg.Paths.Data, 0o700); err != nil {
		return fmt.Errorf("the data directory cannot be made: %w", err)
	}
	release, err := lock(cfg.Paths.Lock)
	if err != nil {
		return err
	}
	defer release()
	var tell strings.Builder
	done, err := backup.Restore(ctx, backup.Options{Paths: cfg.Paths, File: file, Version: b.Version, Passphrase: passphrase},
		func(ctx context.Context, db *store.DB, i backup.Info) error {
			s := search{cfg: cfg, db: db, info: i, out: &tell}
			if err := s.run(ctx); err != nil {
				return err
			}
			logins, tokens, err := db.Reinstated(ctx, atTheMachine(), file, i.MadeAt, keepTokens)
			waysIn(&tell, logins, tokens, keepTokens)
			return err
		})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Restored %s.\n", about(done.Info))
	missing(done.Info, out)
	if !done.Opens {
		fmt.Fprintf(out, "The key of the credentials and packs is not here: lay it as %s/vault.key, or set the credentials again; packs and archives stay closed without it.\n", cfg.Paths.Keys)
	}
	for _, path := range done.Kept {
		fmt.Fprintf(out, "%s stays as it is; the backup has another.\n", path)
	}
	io.WriteString(out, tell.String())
	fmt.Fprintln(out, "Start the daemon with `volundr up`. Nowhere else should one run with this installation.")
	return nil
}

// waysIn says what became of them.
func waysIn(out io.Writer, logins int64, tokens []string, kept bool) {
	if logins > 0 {
		fmt.Fprintf(out, "All %d browsers are logged out: who was logged out since the backup would have been in again.\n", logins)
	}
	if len(tokens) == 0 {
		return
	}
	names := strings.Join(tokens, ", ")
	if kept {
		fmt.Fprintf(out, "Access tokens count as in the backup, also those revoked since: %s. Revoke what you do not know with `volundr tokens revoke`.\n", names)
		return
	}
	fmt.Fprintf(out, "Access tokens are revoked, for which were since the backup is not known: %s. Make them anew, or restore with --keep-tokens.\n", names)
}

// search looks for the volumes of restored sessions.
type search struct {
	cfg  config.Config
	db   *store.DB
	info backup.Info
	out  io.Writer
}

// lookTimeout is how long a runtime may take to show what it has.
const lookTimeout = 30 * time.Second

// run finds volumes by the installation's labels. A session whose volumes are
// not there is FAILED, with what is lost; where a runtime cannot be seen nothing
// is said to be gone.
func (s *search) run(ctx context.Context) error {
	rows, err := s.db.WithVolumes(ctx)
	if err != nil {
		return err
	}
	seen, unseen := map[string]map[string]bool{}, map[string]error{}
	for _, row := range rows {
		on := row.Runtime
		if seen[on] == nil && unseen[on] == nil {
			if seen[on], unseen[on] = s.volumes(ctx, on); unseen[on] != nil {
				fmt.Fprintf(s.out, "Whether the volumes of sessions on %s are there could not be seen: %v.\n", on, unseen[on])
			}
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case unseen[on] != nil:
		case seen[on][row.ID]:
			fmt.Fprintf(s.out, "%s: its volumes are here.\n", row.Name)
		default:
			why := s.lost(ctx, row)
			if err := s.db.LoseVolumes(ctx, row.ID, store.Failure{Reason: why, At: time.Now().UTC()}); err != nil {
				return err
			}
			fmt.Fprintf(s.out, "%s: %s\n", row.Name, why)
		}
	}
	return nil
}

// lost says what is, and what is left to go on from.
func (s *search) lost(ctx context.Context, row store.Session) string {
	text := fmt.Sprintf("Its volumes were not here when the backup of %s was restored: what lay in them, unpushed work and the agent's memory, is lost.", s.info.MadeAt.Format("2006-01-02 15:04"))
	for run := row.Run; run > 0; run-- {
		c, err := s.db.ChronicleOfRun(ctx, row.ID, run)
		if err == nil && c.Workspace != "" {
			return text + fmt.Sprintf(" A snapshot of run %d is left: reforge its chronicle to go on from that, or start the session again with a new workspace.", run)
		}
	}
	return text + " Its conversation and chronicle are kept; started again, it begins with a new workspace."
}

// volumes are the sessions of which a runtime has volumes.
func (s *search) volumes(ctx context.Context, on string) (map[string]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	rt, end, err := s.open(ctx, on)
	if err != nil {
		return nil, err
	}
	defer end()
	all, err := rt.List(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, w := range all {
		if len(w.Volumes) > 0 {
			out[w.ID] = true
		}
	}
	return out, nil
}

// open gives a runtime to look at, under the backup's installation.
func (s *search) open(ctx context.Context, on string) (runtime.Runtime, func() error, error) {
	switch {
	case on == onDocker:
		return lookAtDocker(ctx, s.cfg, s.info.Installation)
	case on == onKubernetes && s.cfg.Kubernetes != nil:
		return lookAtCluster(s.cfg, s.info.Installation)
	}
	return nil, nil, errors.New("it is not configured here")
}
