package kubernetes

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"volundr/runtime"
)

// verdict is what keeps a Pod from running, in words for people.
type verdict struct {
	says  string // a sentence with a next step; empty when nothing is wrong
	final bool   // waiting does not help, and trying again neither
	slow  bool   // it may help, for the cluster is at work
	tried bool   // the cluster tries again by itself: when our patience ends, so be it
}

const (
	// unclear is after how long a Pod that says nothing is asked about.
	unclear = 5 * time.Second
	// Patience with what is wrong and may heal by itself.
	patience     = 30 * time.Second
	slowPatience = 2 * time.Minute
)

func (v verdict) bad() bool { return v.says != "" }

func (v verdict) patience() time.Duration {
	if v.slow {
		return slowPatience
	}
	return patience
}

// judge says what is wrong with a Pod, by what it shows and by the cluster's
// events about it.
func judge(pod *corev1.Pod, events []corev1.Event) verdict {
	if says := lost(pod); says != "" {
		return verdict{says: says}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return unschedulable(c.Message, events)
		}
	}
	for _, all := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, c := range all {
			if v := ofContainer(c); v.bad() {
				return v
			}
		}
	}
	return ofEvents(events)
}

// lost says why a Pod as a whole does not run any more.
func lost(pod *corev1.Pod) string {
	s := pod.Status
	node := pod.Spec.NodeName
	switch {
	case s.Reason == "NodeLost" || s.Phase == corev1.PodUnknown || disrupted(pod) == "DeletionByTaintManager":
		return fmt.Sprintf("The machine %s of the cluster does not answer. Start the session again when it is back; its volumes are kept.", node)
	case s.Reason == "Evicted" || disrupted(pod) == "TerminationByKubelet":
		return sentence("The cluster put the session off its machine %s, which ran short: %s. Start it again, with more memory or on a larger machine.", node, s.Message)
	case disrupted(pod) == "PreemptionByScheduler":
		return "The cluster took the session's place for something more important. Start it again when there is room."
	case s.Reason == "DeadlineExceeded":
		return "Its time is over."
	case s.Reason == "NodeShutdown" || s.Reason == "Terminated" || s.Reason == "Shutdown":
		return fmt.Sprintf("The machine %s of the cluster was shut down. Start the session again; its volumes are kept.", node)
	case s.Phase == corev1.PodFailed && s.Reason != "":
		return sentence("The cluster did not let the Pod run on %s (%s): %s.", node, s.Reason, s.Message)
	}
	return ""
}

// disrupted gives the cluster's reason for ending a Pod.
func disrupted(pod *corev1.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
			return c.Reason
		}
	}
	return ""
}

func unschedulable(message string, events []corev1.Event) verdict {
	says := sentence("No machine of the cluster takes the session: %s. Ask for less, end something, or give the cluster another machine.", message)
	switch {
	case strings.Contains(message, "persistentvolumeclaim") && strings.Contains(message, "not found"):
		return verdict{} // it is being made
	case strings.Contains(message, "unbound immediate PersistentVolumeClaims"):
		says = "The cluster has not made the session's volumes yet. Look at its storage classes: one must be the default, or be named in the configuration (kubernetes.storage_class)."
		return verdict{says: says}
	}
	for _, e := range events {
		if e.Reason == "TriggeredScaleUp" { // another machine is on its way
			return verdict{says: says, slow: true}
		}
	}
	return verdict{says: says}
}

// ofContainer judges a container that waits or could not be started.
func ofContainer(c corev1.ContainerStatus) verdict {
	if t := c.State.Terminated; t != nil && (t.Reason == "StartError" || t.Reason == "ContainerCannotRun") {
		return verdict{says: sentence("The %s cannot be started: %s.", c.Name, t.Message), final: true}
	}
	w := c.State.Waiting
	if w == nil {
		return verdict{}
	}
	switch w.Reason {
	case "InvalidImageName":
		return verdict{says: fmt.Sprintf("%q is no name of an image. Mend it in the configuration (kubernetes.images).", c.Image), final: true}
	case "ErrImageNeverPull":
		return verdict{says: fmt.Sprintf("The image %s is not on the machine, and must not be pulled. Load it, or push it with volundr image push.", c.Image), final: true}
	case "ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError", "SignatureValidationFailed":
		says := sentence("The cluster cannot pull the image %s: %s. Push it to a registry that the cluster can reach (volundr image push), and name it in the configuration.", c.Image, w.Message)
		return verdict{says: says, final: absent(w.Message), tried: true}
	case "CreateContainerConfigError":
		if strings.Contains(w.Message, "not found") { // the Secret is made after the Pod
			return verdict{says: sentence("The cluster waits for what the %s needs: %s.", c.Name, w.Message)}
		}
		return verdict{says: sentence("The cluster cannot make the %s: %s.", c.Name, w.Message), final: true}
	case "CreateContainerError", "RunContainerError":
		return verdict{says: sentence("The cluster cannot start the %s: %s.", c.Name, w.Message)}
	}
	return verdict{}
}

// absent reports whether a registry said that it has no such image for us.
func absent(message string) bool {
	for _, says := range []string{"not found", "manifest unknown", "does not exist", "pull access denied", "insufficient_scope", "unauthorized", "403 Forbidden", "401 Unauthorized"} {
		if strings.Contains(message, says) {
			return true
		}
	}
	return false
}

// ofEvents judges by what only events tell: volumes and networks.
func ofEvents(events []corev1.Event) verdict {
	var last *corev1.Event
	for i, e := range events {
		switch e.Reason {
		case "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedBinding", "ProvisioningFailed":
			if last == nil || last.LastTimestamp.Before(&e.LastTimestamp) {
				last = &events[i]
			}
		}
	}
	switch {
	case last == nil:
		return verdict{}
	case strings.Contains(last.Message, "secret") && strings.Contains(last.Message, "not found"):
		return verdict{}
	case last.Reason == "FailedCreatePodSandBox":
		return verdict{says: sentence("The machine cannot begin the session's Pod: %s.", last.Message), slow: true}
	}
	return verdict{says: sentence("The machine cannot mount the session's volumes: %s.", last.Message), slow: true}
}

// sentence fills in texts of the cluster, which end in all kinds of ways and can
// be long.
func sentence(format string, args ...any) string {
	const most = 600
	for i, a := range args {
		text := strings.Join(strings.Fields(fmt.Sprint(a)), " ")
		if len(text) > most {
			text = strings.ToValidUTF8(text[:most], "") + "…"
		}
		args[i] = strings.TrimRight(text, ". ")
	}
	return fmt.Sprintf(format, args...)
}

// partOf is a container as the cluster shows it, with the reason why it does
// not run.
func partOf(pod *corev1.Pod, name string) runtime.PartStatus {
	p := runtime.PartStatus{Name: name}
	whole := lost(pod)
	gone := unreachable(pod)
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name != name {
			continue
		}
		switch {
		case c.State.Running != nil && !gone:
			p.Running, p.Started = true, c.State.Running.StartedAt.Time
			return p
		case c.State.Running != nil: // nobody knows when it ended
			p.Started, p.ExitCode, p.Finished = c.State.Running.StartedAt.Time, 255, since(pod)
		case c.State.Terminated != nil:
			t := c.State.Terminated
			p.Started, p.Finished, p.ExitCode, p.OOMKilled = t.StartedAt.Time, t.FinishedAt.Time, int(t.ExitCode), t.Reason == "OOMKilled"
			if p.Finished.Unix() <= 0 {
				p.Finished = since(pod)
			}
			p.Error = ofContainer(c).says
		}
	}
	if whole != "" && p.Finished.IsZero() {
		p.ExitCode, p.Finished = 137, since(pod)
	}
	if p.Error == "" {
		p.Error = whole
	}
	if p.Error == "" && p.Finished.IsZero() {
		p.Error = judge(pod, nil).says
	}
	return p
}

// unreachable reports whether what a Pod shows is only what its machine said
// last.
func unreachable(pod *corev1.Pod) bool {
	return pod.Status.Reason == "NodeLost" || pod.Status.Phase == corev1.PodUnknown || disrupted(pod) == "DeletionByTaintManager"
}

// since is when a Pod was last known to change.
func since(pod *corev1.Pod) time.Time {
	at := pod.CreationTimestamp.Time
	for _, c := range pod.Status.Conditions {
		if c.LastTransitionTime.After(at) {
			at = c.LastTransitionTime.Time
		}
	}
	return at
}

// started reports whether every container has been started.
func started(pod *corev1.Pod) bool {
	if len(pod.Status.ContainerStatuses) < len(pod.Spec.Containers) {
		return false
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Waiting != nil || c.State.Running == nil && c.State.Terminated == nil || ofContainer(c).bad() {
			return false
		}
	}
	return true
}

// ended reports whether some container of a Pod, or all of it, is over.
func ended(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded || unreachable(pod) {
		return true
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Terminated != nil {
			return true
		}
	}
	return false
}

// forgotten reports whether a Pod has waited for a machine longer than we do. Made
// anew it is looked at anew: a scheduler whose view of the volumes was cut off
// comes back to the old one only after minutes.
func forgotten(pod *corev1.Pod, now time.Time) bool {
	return pod.Spec.NodeName == "" && now.Sub(pod.CreationTimestamp.Time) >= patience
}

// stuck reports whether a Pod cannot be started as it is.
func stuck(pod *corev1.Pod) bool { return judge(pod, nil).final }
