package kubernetes

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"volundr/runtime"
)

const (
	defaultSize = 10 << 30 // of a volume
	// inside is the folder of a volume that is mounted: the root of one belongs
	// to the storage, and may hold a lost+found.
	inside = "files"
	// Room in memory that every part of a session has, as on Docker.
	tmpSize = 1 << 30
	runSize = 16 << 20
)

// fsGroup may write to the roots of a workload's volumes. It is the same in
// every run and helper of a session, so that no volume is ever gone through
// again: sessions' files belong to the user of the agent.
func fsGroup(s runtime.Spec) int64 {
	if s.Kind == runtime.Sandbox {
		return int64(s.Parts[0].GID)
	}
	return 1000
}

// volumes are those that the spec mounts, and a room in memory for each part's
// own mounts and its /tmp and /run.
func (r *Runtime) volumes(s runtime.Spec) []corev1.Volume {
	var out []corev1.Volume
	for _, name := range s.Volumes() {
		out = append(out, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: r.claimName(s.ID, name)}}})
	}
	for _, p := range s.Parts {
		for i, m := range rooms(s, p) {
			out = append(out, corev1.Volume{Name: roomName(p, i), VolumeSource: corev1.VolumeSource{
				EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory, SizeLimit: resource.NewQuantity(m.Size, resource.BinarySI)}}})
		}
	}
	return out
}

// rooms are a part's mounts in memory.
func rooms(s runtime.Spec, p runtime.Part) []runtime.Mount {
	out := slices.DeleteFunc(slices.Clone(p.Mounts), func(m runtime.Mount) bool { return m.Size == 0 })
	own := []runtime.Mount{{Path: "/tmp", Size: tmpSize}}
	if s.Kind == runtime.Session && p.Service() == "" {
		own = append(own, runtime.Mount{Path: "/run", Size: runSize})
	}
	for _, o := range own {
		if !slices.ContainsFunc(p.Mounts, func(m runtime.Mount) bool { return m.Path == o.Path }) {
			out = append(out, o)
		}
	}
	return out
}

func roomName(p runtime.Part, i int) string { return fmt.Sprintf("memory-%s-%d", p.Name, i) }

func mounts(s runtime.Spec, p runtime.Part) []corev1.VolumeMount {
	var out []corev1.VolumeMount
	for _, m := range p.Mounts {
		if m.Volume != "" {
			out = append(out, corev1.VolumeMount{Name: m.Volume, MountPath: m.Path, SubPath: inside, ReadOnly: m.ReadOnly})
		}
	}
	for i, m := range rooms(s, p) {
		out = append(out, corev1.VolumeMount{Name: roomName(p, i), MountPath: m.Path, ReadOnly: m.ReadOnly})
	}
	return out
}

// preparing are containers that make the volumes' folders, one for each of their
// owners, as that owner: nothing runs as root for it, and it is the same on
// every kind of storage.
func (r *Runtime) preparing(s runtime.Spec) []corev1.Container {
	type owner struct{ uid, gid int }
	by := map[owner][]runtime.Mount{}
	seen := map[string]bool{}
	for _, p := range s.Parts {
		for _, m := range p.Mounts {
			if m.Volume == "" || seen[m.Volume] {
				continue
			}
			seen[m.Volume] = true
			o := owner{m.UID, m.GID}
			if m.UID == 0 {
				o = owner{p.UID, p.GID}
			}
			by[o] = append(by[o], m)
		}
	}
	var out []corev1.Container
	for _, o := range slices.SortedFunc(maps.Keys(by), func(a, b owner) int { return a.uid - b.uid }) {
		c := corev1.Container{Name: fmt.Sprintf("volumes-%d-%d", o.uid, o.gid), Image: s.Image, ImagePullPolicy: corev1.PullIfNotPresent,
			Command: []string{"mkdir", "-p"}, WorkingDir: "/", SecurityContext: confined(o.uid, o.gid),
			Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{
				corev1.ResourceMemory: *resource.NewQuantity(64<<20, resource.BinarySI), corev1.ResourceCPU: *resource.NewMilliQuantity(500, resource.DecimalSI)}}}
		for _, m := range by[o] {
			at := "/volumes/" + m.Volume
			c.Command = append(c.Command, at+"/"+inside)
			c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: m.Volume, MountPath: at})
		}
		out = append(out, c)
	}
	return out
}

// claims makes the claims that are missing, and reports whether the folder in
// each was made in an earlier life.
func (r *Runtime) claims(ctx context.Context, s runtime.Spec) (made bool, err error) {
	names := s.Volumes()
	done := make([]bool, len(names))
	g, ctx := errgroup.WithContext(ctx)
	for i, name := range names {
		g.Go(func() (err error) {
			done[i], err = r.claim(ctx, s, name)
			return err
		})
	}
	err = g.Wait()
	return !slices.Contains(done, false), err
}

func (r *Runtime) claim(ctx context.Context, s runtime.Spec, volume string) (made bool, err error) {
	size := r.opts.Pods.Sizes[volume]
	if size == 0 {
		size = defaultSize
	}
	c := &corev1.PersistentVolumeClaim{ObjectMeta: r.meta(s, r.claimName(s.ID, volume)), Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: *resource.NewQuantity(size, resource.BinarySI)}}}}
	c.Labels[runtime.LabelPart] = volume
	if class := r.opts.Pods.StorageClass; class != "" {
		c.Spec.StorageClassName = &class
	}
	for {
		_, err = r.api.claims.Create(ctx, c, metav1.CreateOptions{})
		if !apierrors.IsAlreadyExists(err) {
			return false, wrap(err, "claim the volume %s", volume)
		}
		there, err := r.api.claims.Get(ctx, c.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err): // it went meanwhile
			continue
		case err != nil:
			return false, wrap(err, "look at the volume %s", volume)
		case !r.known(there.ObjectMeta) || there.Labels[runtime.LabelSession] != s.ID:
			return false, fmt.Errorf("a volume that is not ours has the name %s: rename or remove it", c.Name)
		case there.DeletionTimestamp != nil: // of an earlier life: it must be gone first
			if err := pause(ctx, looking); err != nil {
				return false, err
			}
			continue
		}
		return there.Annotations[annotationMade] != "", nil
	}
}

// remember says on the claims that their folders are made. Until then they are
// made again, which changes nothing.
func (r *Runtime) remember(ctx context.Context, s runtime.Spec) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, name := range s.Volumes() {
		g.Go(func() error {
			_, err := r.api.claims.Patch(ctx, r.claimName(s.ID, name), types.MergePatchType,
				[]byte(`{"metadata":{"annotations":{"`+annotationMade+`":"true"}}}`), metav1.PatchOptions{})
			return wrap(err, "mark the volume %s", name)
		})
	}
	return g.Wait()
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}
