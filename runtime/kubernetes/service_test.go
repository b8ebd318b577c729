package kubernetes

import (
	"testing"

	"volundr/runtime"
)

func TestAServiceIsAContainerOfThePod(t *testing.T) {
	r, s := unconnected(), session(t, "x:1")
	s.Parts = append(s.Parts, runtime.Part{Name: "service-db", Image: "postgres:17", Command: []string{"-c", "$x"}, UID: 1000, GID: 1000, Memory: 512 << 20,
		Mounts: []runtime.Mount{{Volume: "service-db", Path: "/data", UID: 1000, GID: 1000}}})
	p := r.pod(s, true)
	c := p.Spec.Containers[len(s.Parts)-1]
	if c.Image != "postgres:17" || c.Command != nil || len(c.Args) != 2 || c.Args[1] != "$$x" || c.WorkingDir != "" ||
		c.SecurityContext.ReadOnlyRootFilesystem != nil || !*c.SecurityContext.RunAsNonRoot || *c.SecurityContext.AllowPrivilegeEscalation {
		t.Errorf("%+v", c)
	}
	for _, m := range c.VolumeMounts {
		if m.MountPath == "/run" {
			t.Error("its own /run is hidden")
		}
	}
	if a := p.Spec.HostAliases; len(a) != 1 || a[0].IP != "127.0.0.1" || a[0].Hostnames[0] != "db" {
		t.Errorf("names %+v", a)
	}
}
