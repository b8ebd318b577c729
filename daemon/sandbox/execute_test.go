package sandbox

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (w *world) execute(e Execution) (Executed, string, error) {
	e.Timeout = time.Minute
	run, err := w.Execute(w.t.Context(), anna, e)
	if err != nil {
		return Executed{}, "", err
	}
	defer run.Close()
	var out []byte
	done, err := run.Run(w.t.Context(), func(_ bool, data []byte) error { out = append(out, data...); return nil })
	return done, string(out), err
}

func TestAnExecutionReturnsWhatItMadeAndItsSandboxGoes(t *testing.T) {
	w := newWorld(t)
	same := must(w.Upload(t.Context(), anna, "same", strings.NewReader("same")))(t)
	old := must(w.Upload(t.Context(), anna, "old", strings.NewReader("old")))(t)
	done, out, err := w.execute(Execution{Files: []Staged{{".//same", same.ID}, {"dir/old", old.ID}}, Code: `
import os
open('dir/old', 'a').write('er')
open('.hidden', 'w').write('h')
os.makedirs('a/b'); open('a/b/secret', 'w').write('s'); os.chmod('a/b/secret', 0o600)
os.symlink('/etc/passwd', 'link')
open('large', 'wb').write(bytes(2 << 20))
print(open('same').read())`})
	if err != nil || out != "same\n" {
		t.Fatalf("%+v %q %v", done, out, err)
	}
	got := map[string]string{}
	skipped := map[string]string{}
	for _, f := range done.Files {
		if f.Skipped != "" {
			skipped[f.Path] = f.Skipped + f.FileID
			continue
		}
		_, file, err := w.File(t.Context(), anna, f.FileID)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		got[f.Path] = string(content)
	}
	if diff := cmp.Diff(map[string]string{"dir/old": "older", ".hidden": "h", "a/b/secret": "s"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"large": "limit", "link": "symlink"}, skipped); diff != "" {
		t.Error(diff)
	}
	w.ending.Wait()
	if n, err := w.DB.LivingSandboxes(t.Context()); n != 0 || err != nil {
		t.Errorf("%d live on, %v", n, err)
	}
	if all, err := w.List(t.Context(), anna); len(all) != 0 || err != nil {
		t.Errorf("listed: %v %v", all, err)
	}
}

// TestExecutionsOfADeadDaemonAreEnded leaves one as a killed daemon would.
func TestExecutionsOfADeadDaemonAreEnded(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Execute(t.Context(), anna, Execution{Code: "1", Timeout: time.Minute}); err != nil {
		t.Fatal(err)
	}
	kept := w.create()
	w.run()
	w.until("only the owner's lives", func() bool {
		n, err := w.DB.LivingSandboxes(t.Context())
		return err == nil && n == 1
	})
	if _, err := w.Get(t.Context(), anna, kept.Name); err != nil {
		t.Error(err)
	}
}

func TestFilesGoByAgeAndByTotal(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.FilesSize, o.Limits.FilesTTL = 10, time.Hour })
	ctx := t.Context()
	first := must(w.Upload(ctx, anna, "first", strings.NewReader("12345678")))(t)
	second := must(w.Upload(ctx, anna, "second", strings.NewReader("12345678")))(t)
	w.sweepFiles(ctx)
	var missing *FileError
	if _, _, err := w.File(ctx, anna, first.ID); !errors.As(err, &missing) {
		t.Errorf("the older of too many: %v", err)
	}
	_, f, err := w.File(ctx, anna, second.ID)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	w.Limits.FilesTTL = time.Nanosecond
	if _, _, err := w.File(ctx, anna, second.ID); !errors.As(err, &missing) {
		t.Errorf("an expired one before it is swept: %v", err)
	}
	if list, err := w.Files(ctx, anna); err != nil || len(list) != 0 {
		t.Errorf("listed: %v %v", list, err)
	}
	stale := filepath.Join(w.Dir, "left-by-a-kill.new")
	if err := os.WriteFile(stale, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(stale, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	w.sweepFiles(ctx)
	if left, err := os.ReadDir(w.Dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

func FuzzCleanPath(f *testing.F) {
	for _, seed := range []string{"", "a", "/a", "../a", "a/../b", "./a", "a//b", "a\x00", strings.Repeat("a/", 3000), "..", "...", "a\nb", "\\..\\"} {
		f.Add(seed)
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, p string) {
		clean, err := CleanPath(p)
		if err != nil {
			return
		}
		if !filepath.IsLocal(clean) || clean == "." || strings.ContainsRune(clean, 0) {
			t.Errorf("%q became %q", p, clean)
		}
		if rel, err := filepath.Rel(root, filepath.Join(root, clean)); err != nil || strings.HasPrefix(rel, "../") {
			t.Errorf("%q leads to %q", p, rel)
		}
	})
}
