package runtimetest

import (
	"regexp"
	"strings"
	"testing"
)

var hardeningCases = []test{
	{"hardening/of every part", processes, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		spec.Resources.PIDs = 64
		s.start(t, spec)
		for _, p := range spec.Parts {
			t.Run(p.Name, func(t *testing.T) {
				status := s.shIn(t, spec.ID, p.Name, "cat /proc/1/status")
				for _, want := range []string{
					`Uid:\s+` + itoa(p.UID) + `\s+` + itoa(p.UID) + `\s+` + itoa(p.UID),
					`CapInh:\s+0+`, `CapPrm:\s+0+`, `CapEff:\s+0+`, `CapBnd:\s+0+`, `CapAmb:\s+0+`,
					`NoNewPrivs:\s+1`, `Seccomp:\s+2`,
				} {
					if !regexp.MustCompile(`(?m)^` + want + `\s*$|^` + want + `\s`).MatchString(status) {
						t.Errorf("/proc/1/status lacks %s:\n%s", want, status)
					}
				}
				if got := strings.TrimSpace(s.shIn(t, spec.ID, p.Name, `awk '$2=="/" {o=$4} END {print o}' /proc/mounts`)); !strings.HasPrefix(got+",", "ro,") {
					t.Errorf("the root file system is mounted %q, want ro", got)
				}
				s.shIn(t, spec.ID, p.Name, `printf '#!/bin/sh\nexit 0\n' > /tmp/run && chmod +x /tmp/run && /tmp/run && rm /tmp/run`)
				if got := s.shIn(t, spec.ID, p.Name, `ls /dev | grep -E '^(sd|vd|nvme|mem$|kmem$)' | wc -l; ls /var/run/docker.sock /run/docker.sock 2>/dev/null | wc -l`); got != "0\n0\n" {
					t.Errorf("host devices or sockets in view: %q", got)
				}
				for _, m := range p.Mounts {
					if m.ReadOnly {
						continue
					}
					s.shIn(t, spec.ID, p.Name, "touch "+m.Path+"/.probe && rm "+m.Path+"/.probe")
				}
			})
		}
		if s.Lacks&ProcessLimit != 0 {
			return
		}
		t.Run("processes are limited", func(t *testing.T) {
			// Held for a moment so that they exist at the same time.
			got := s.sh(t, spec.ID, `bash -c 'for i in $(seq 200); do sleep 5 & done; wait' 2>&1 | grep -ciE 'fork|resource' || true`)
			if got == "0\n" {
				t.Error("200 processes were let in where 64 are the limit")
			}
		})
	}},
	{"mounts/a read-only volume cannot be written", processes, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		a := agent(t, &spec)
		if len(a.Mounts) == 0 {
			t.Fatal("Backend.Spec mounts nothing into the agent")
		}
		a.Mounts[0].ReadOnly = true
		s.start(t, spec)
		if got := s.sh(t, spec.ID, "touch "+a.Mounts[0].Path+"/x 2>/dev/null && echo written || echo refused"); got != "refused\n" {
			t.Error(got)
		}
	}},
	{"resources/memory is limited without swap on top", processes, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		agent(t, &spec).Memory = 96 << 20
		s.start(t, spec)
		// A child, so that the part itself may live on.
		got := s.sh(t, spec.ID, `perl -e '$x = "x" x (256<<20); print "fits"' 2>/dev/null; true`)
		if got == "fits" {
			t.Error("256 MiB fit where 96 MiB are the limit")
		}
	}},
}
