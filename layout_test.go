package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport is the architecture: which packages of ours a package may import.
// "*" is all. A package that is not listed fails the test.
var mayImport = map[string][]string{
	".":                     {"daemon", "ui/cli", "ui/tray"},
	"daemon":                {"*"},
	"daemon/spelling":       {},
	"daemon/config":         {"daemon/spelling"},
	"daemon/backup":         {"store", "daemon/config", "daemon/vault"},
	"daemon/engine":         {"store", "runtime", "runtime/broker/wire", "daemon/launch", "daemon/link", "daemon/chronicle"},
	"daemon/launch":         {"store", "runtime", "runtime/broker/wire", "daemon/config", "daemon/integration", "daemon/vault", "daemon/source"},
	"daemon/template":       {"daemon/launch", "daemon/source", "daemon/spelling"},
	"daemon/source":         {"store", "daemon/link", "runtime/broker/wire"},
	"daemon/forge":          {"store", "daemon/config", "daemon/vault"},
	"daemon/integration":    {"store", "daemon/vault"},
	"daemon/link":           {"store", "runtime", "runtime/broker/wire"},
	"daemon/chronicle":      {"store", "runtime", "runtime/broker/wire", "daemon/link"},
	"daemon/chronicle/blob": {"store"},
	"daemon/sandbox":        {"store", "runtime", "runtime/broker/wire", "daemon/launch"},
	"daemon/sandbox/inner":  {"runtime/broker/wire"},
	"daemon/vault":          {"store", "daemon/link", "runtime/broker/wire"},
	"daemon/auth":           {"store"},
	"daemon/auth/oidc":      {},
	"daemon/changes":        {"runtime/broker/wire"},
	"daemon/files":          {"runtime/broker/wire"},
	"daemon/terminal":       {"runtime"},
	"daemon/proxy":          {"runtime", "runtime/broker/wire", "daemon/auth"},
	"daemon/api":            {"store", "runtime", "runtime/broker/wire", "ui", "ui/client", "assets", "daemon/auth", "daemon/changes", "daemon/chronicle", "daemon/config", "daemon/engine", "daemon/files", "daemon/forge", "daemon/integration", "daemon/launch", "daemon/link", "daemon/proxy", "daemon/sandbox", "daemon/sandbox/inner", "daemon/source", "daemon/template", "daemon/terminal", "daemon/vault"},
	"daemon/e2e":            {"*"},
	"daemon/e2e/model":      {},
	"daemon/bench":          {"*"},
	"ui":                    {"ui/client", "assets", "runtime/broker/wire"},
	"ui/client":             {"runtime/broker/wire"},
	"ui/cli":                {"ui/client", "ui/desktop", "daemon/config", "assets", "runtime/broker/wire"},
	"ui/tray":               {"ui/client", "ui/mark"},
	"ui/desktop":            {"ui/mark"},
	"ui/mark":               {},
	"store":                 {},
	"store/storetest":       {"store"},
	"runtime":               {},
	"runtime/docker":        {"runtime", "runtime/broker/wire", "assets"},
	"runtime/kubernetes":    {"runtime", "runtime/broker/wire"},
	"runtime/fake":          {"runtime"},
	"runtime/runtimetest":   {"runtime"},
	"runtime/broker":        {"runtime/broker/wire"},
	"runtime/broker/wire":   {},
	"runtime/broker/cmd":    {"runtime/broker", "runtime/broker/wire"},
	"assets":                {},
}

// never names modules that a package must not import, in tests neither.
var never = map[string][]string{
	"github.com/labstack/echo":    {"daemon/api", "daemon", "daemon/e2e", "daemon/bench"},
	"github.com/docker/docker":    {"runtime/docker", "daemon/e2e", "daemon/bench"},
	"modernc.org/sqlite":          {"store"},
	"database/sql":                {"store"},
	"k8s.io":                      {"runtime/kubernetes"},
	"github.com/spf13/cobra":      {"ui/cli", "runtime/broker/cmd"},
	"github.com/coder/acp-go-sdk": {"runtime/broker"},
}

type pkg struct {
	ImportPath, Name     string
	Imports, TestImports []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Imports,TestImports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func inside(path string) (string, bool) {
	if path == "volundr" {
		return ".", true
	}
	return strings.CutPrefix(path, "volundr/")
}

func under(pkg string, allowed []string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		return a == "*" || pkg == a || strings.HasPrefix(pkg, a+"/") && (a == "runtime/broker" || a == "ui/client")
	})
}

func TestPackagesImportOnlyWhatTheArchitectureAllows(t *testing.T) {
	for _, p := range packages(t) {
		name, _ := inside(p.ImportPath)
		row := name
		if _, ok := mayImport[row]; !ok && strings.HasPrefix(row, "runtime/broker/") {
			row = "runtime/broker" // its inner packages share its rights
		}
		allowed, ok := mayImport[row]
		if !ok {
			t.Errorf("package %s stands in no row of the table", name)
			continue
		}
		for _, imp := range p.Imports {
			if ours, ok := inside(imp); ok {
				if ours != row && !under(ours, allowed) && !strings.HasPrefix(ours, row+"/") {
					t.Errorf("%s imports %s", name, ours)
				}
				continue
			}
			for module, only := range never {
				if (imp == module || strings.HasPrefix(imp, module+"/")) && !slices.Contains(only, row) {
					t.Errorf("%s imports %s, which only %v may", name, imp, only)
				}
			}
		}
	}
}

func TestVagueNamesAreNotPackages(t *testing.T) {
	for _, p := range packages(t) {
		last := p.ImportPath[strings.LastIndex(p.ImportPath, "/")+1:]
		if slices.Contains([]string{"util", "utils", "common", "types", "models", "manager", "service", "helpers"}, last) {
			t.Errorf("package %s: name it for what it holds", p.ImportPath)
		}
	}
}
