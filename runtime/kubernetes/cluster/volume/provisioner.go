package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

type maker struct {
	client  kubernetes.Interface
	node    string
	folder  string
	claims  listers.PersistentVolumeClaimLister
	volumes listers.PersistentVolumeLister
}

// Run makes a volume for each claim of our classes and removes those whose
// claim is gone, until ctx ends. args: kubeconfig, the node's name, the folder
// that volumes are made in.
func Run(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("usage: volumes KUBECONFIG NODE FOLDER")
	}
	config, err := clientcmd.BuildConfigFromFlags("", args[0])
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 400
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	objects := factory.Core().V1()
	m := maker{client, args[1], args[2], objects.PersistentVolumeClaims().Lister(), objects.PersistentVolumes().Lister()}
	nudge := make(chan struct{}, 1)
	for _, informer := range []cache.SharedIndexInformer{objects.PersistentVolumeClaims().Informer(), objects.PersistentVolumes().Informer()} {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { tell(nudge) },
			UpdateFunc: func(any, any) { tell(nudge) },
			DeleteFunc: func(any) { tell(nudge) },
		}); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	factory.WaitForCacheSync(ctx.Done())
	for {
		again := time.Minute
		if err := m.pass(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			again = time.Second
		}
		select {
		case <-ctx.Done():
			return nil
		case <-nudge:
		case <-time.After(again):
		}
	}
}

func tell(nudge chan<- struct{}) {
	select {
	case nudge <- struct{}{}:
	default:
	}
}

// pass brings volumes to what claims ask for.
func (m maker) pass(ctx context.Context) error {
	claims, err := m.claims.List(labels.Everything())
	if err != nil {
		return err
	}
	var failed []error
	for _, claim := range claims {
		class := claim.Spec.StorageClassName
		if claim.Status.Phase != core.ClaimPending || claim.Spec.VolumeName != "" || class == nil || *class != Standard && *class != Sized {
			continue
		}
		if err := m.make(ctx, claim); err != nil && !apierrors.IsAlreadyExists(err) {
			failed = append(failed, fmt.Errorf("make a volume for %s/%s: %w", claim.Namespace, claim.Name, err))
		}
	}
	volumes, err := m.volumes.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, volume := range volumes {
		if volume.Status.Phase != core.VolumeReleased || volume.Annotations["volundr.test/made-by"] != provisioner {
			continue
		}
		if err := m.remove(ctx, volume); err != nil && !apierrors.IsNotFound(err) {
			failed = append(failed, fmt.Errorf("remove volume %s: %w", volume.Name, err))
		}
	}
	return errors.Join(failed...)
}

func (m maker) make(ctx context.Context, claim *core.PersistentVolumeClaim) error {
	name := "volume-" + string(claim.UID)
	path := filepath.Join(m.folder, name)
	size := claim.Spec.Resources.Requests[core.ResourceStorage]
	if err := os.Mkdir(path, 0o755); err == nil && *claim.Spec.StorageClassName == Sized {
		if err := unix.Mount("tmpfs", path, "tmpfs", 0, fmt.Sprintf("size=%d,mode=755", size.Value())); err != nil {
			return errors.Join(err, os.Remove(path))
		}
	} else if err != nil && !os.IsExist(err) {
		return err
	}
	_, err := m.client.CoreV1().PersistentVolumes().Create(ctx, &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{"volundr.test/made-by": provisioner}},
		Spec: core.PersistentVolumeSpec{
			Capacity:                      core.ResourceList{core.ResourceStorage: size},
			AccessModes:                   claim.Spec.AccessModes,
			StorageClassName:              *claim.Spec.StorageClassName,
			PersistentVolumeReclaimPolicy: core.PersistentVolumeReclaimRetain, // removing is ours, not the controller's
			PersistentVolumeSource:        core.PersistentVolumeSource{Local: &core.LocalVolumeSource{Path: path}},
			ClaimRef:                      &core.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{{
				MatchExpressions: []core.NodeSelectorRequirement{{Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{m.node}}},
			}}}},
		},
	}, meta.CreateOptions{})
	return err
}

func (m maker) remove(ctx context.Context, volume *core.PersistentVolume) error {
	path := filepath.Join(m.folder, volume.Name)
	if err := unix.Unmount(path, 0); err != nil && err != unix.EINVAL && err != unix.ENOENT {
		return err
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return m.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, meta.DeleteOptions{})
}
