// Package volume makes a test cluster's volumes: folders of its node, which
// the kubelet gives to a pod's fsGroup as it does with real ones. (Those of
// upstream's host-path provisioner belong to root, whatever fsGroup says.)
package volume

import (
	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	provisioner = "volundr.test/folder"
	// Standard is the default class: folders without a limit.
	Standard = "standard"
	// Sized is the class of volumes that hold no more than was asked for, in
	// memory: they can be full.
	Sized = "sized"
)

// Classes are the storage classes that Run serves.
func Classes() []*storage.StorageClass {
	remove := core.PersistentVolumeReclaimDelete
	class := func(name, isDefault string) *storage.StorageClass {
		return &storage.StorageClass{
			ObjectMeta: meta.ObjectMeta{Name: name,
				Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": isDefault}},
			Provisioner:   provisioner,
			ReclaimPolicy: &remove,
		}
	}
	return []*storage.StorageClass{class(Standard, "true"), class(Sized, "false")}
}
