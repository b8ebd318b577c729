package proof

import (
	"fmt"
	"strings"
	"testing"
)

const claim = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: %[1]s}
spec: {storageClassName: %[1]s, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: %[1]s}
spec:
  terminationGracePeriodSeconds: 1
  securityContext: {runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000}
  containers: [{name: pod, image: "cluster.local/pod:1", volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: %[1]s}}]
`

func TestVolumesBelongToTheirGroupAndCanBeFull(t *testing.T) {
	c := up(t, "volume")
	for class, full := range map[string]bool{"standard": false, "sized": true} {
		c.kubectl(t, fmt.Sprintf(claim, class), "apply", "-f", "-")
		c.kubectl(t, "", "wait", "--for=condition=Ready", "--timeout=3m", "pod/"+class)
		c.kubectl(t, "", "exec", class, "--", "/pod", "write", "/data/some", "1000")
		out, err := c.ask("", "exec", class, "--", "/pod", "write", "/data/more", "2000000")
		if full != (err != nil && strings.Contains(out, "no space left")) {
			t.Errorf("a second write to a volume of class %s: %v %s", class, err, out)
		}
		c.kubectl(t, "", "delete", "pod/"+class, "pvc/"+class)
	}
	eventually(t, "volumes go with their claims", func() (string, bool) {
		left := c.kubectl(t, "", "get", "pv", "-o", "name")
		return left, left == ""
	})
}
