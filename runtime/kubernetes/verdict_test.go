package kubernetes

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"volundr/runtime"
)

func waiting(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: "agent", Image: "reg/x:1", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

func terminated(reason, message string, code int32) corev1.ContainerStatus {
	at := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	return corev1.ContainerStatus{Name: "agent", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		Reason: reason, Message: message, ExitCode: code, StartedAt: at, FinishedAt: at}}}
}

func runs() corev1.ContainerStatus {
	at := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	return corev1.ContainerStatus{Name: "agent", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at}}}
}

func with(c ...corev1.ContainerStatus) corev1.PodStatus {
	return corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: c}
}

func condition(kind corev1.PodConditionType, is corev1.ConditionStatus, reason, message string, c ...corev1.ContainerStatus) corev1.PodStatus {
	s := with(c...)
	s.Conditions = []corev1.PodCondition{{Type: kind, Status: is, Reason: reason, Message: message}}
	return s
}

func event(reason, message string) []corev1.Event {
	return []corev1.Event{{Reason: reason, Message: message}}
}

func TestWhatKeepsAPodFromRunningIsSaidToPeople(t *testing.T) {
	for name, c := range map[string]struct {
		status             corev1.PodStatus
		events             []corev1.Event
		says               string // a part of it; empty: nothing is wrong
		final, slow, tried bool
	}{
		"nothing yet":    {status: corev1.PodStatus{Phase: corev1.PodPending}},
		"being made":     {status: with(waiting("ContainerCreating", ""))},
		"runs":           {status: with(runs())},
		"ended well":     {status: with(terminated("Completed", "", 0))},
		"ended badly":    {status: with(terminated("Error", "", 7))},
		"the Secret":     {status: with(waiting("CreateContainerConfigError", `secret "x" not found`)), says: "waits for what the agent needs"},
		"no such image":  {status: with(waiting("ErrImagePull", "docker.io/x: not found")), says: "cannot pull the image reg/x:1: docker.io/x: not found.", final: true, tried: true},
		"not allowed":    {status: with(waiting("ImagePullBackOff", "pull access denied, repository does not exist")), says: "volundr image push", final: true, tried: true},
		"no registry":    {status: with(waiting("ErrImagePull", "dial tcp: lookup docker.io: no such host")), says: "cannot pull the image", tried: true},
		"bad image name": {status: with(waiting("InvalidImageName", "")), says: "no name of an image", final: true},
		"never pulled":   {status: with(waiting("ErrImageNeverPull", "")), says: "is not on the machine", final: true},
		"no program":     {status: with(terminated("StartError", "exec: \"/no\": no such file", 128)), says: "The agent cannot be started: exec: \"/no\": no such file.", final: true},
		"runs as root": {status: with(waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root")),
			says: "cannot make the agent", final: true},
		"cannot be made": {status: with(waiting("CreateContainerError", "no space left on device")), says: "no space left on device."},
		"too large": {status: condition(corev1.PodScheduled, corev1.ConditionFalse, "Unschedulable", "0/1 nodes are available: 1 Insufficient memory."),
			says: "takes the session: 0/1 nodes are available: 1 Insufficient memory. Ask for less"},
		"a machine is coming": {status: condition(corev1.PodScheduled, corev1.ConditionFalse, "Unschedulable", "0/1 nodes are available"),
			events: event("TriggeredScaleUp", ""), says: "No machine", slow: true},
		"claims are being made": {status: condition(corev1.PodScheduled, corev1.ConditionFalse, "Unschedulable", `persistentvolumeclaim "x" not found`)},
		"no storage class": {status: condition(corev1.PodScheduled, corev1.ConditionFalse, "Unschedulable", "pod has unbound immediate PersistentVolumeClaims."),
			says: "kubernetes.storage_class"},
		"no mount":   {status: with(waiting("ContainerCreating", "")), events: event("FailedMount", "timed out"), says: "cannot mount the session's volumes: timed out.", slow: true},
		"no network": {status: with(waiting("ContainerCreating", "")), events: event("FailedCreatePodSandBox", "no IP addresses"), says: "begin the session's Pod: no IP addresses.", slow: true},
		"other talk": {status: with(waiting("ContainerCreating", "")), events: event("Scheduled", "assigned")},
		"evicted": {status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "The node was low on resource: memory. "},
			says: "machine node-1, which ran short: The node was low on resource: memory."},
		"node lost":         {status: corev1.PodStatus{Phase: corev1.PodRunning, Reason: "NodeLost", ContainerStatuses: []corev1.ContainerStatus{runs()}}, says: "node-1 of the cluster does not answer"},
		"node lost by word": {status: condition(corev1.DisruptionTarget, corev1.ConditionTrue, "DeletionByTaintManager", "", runs()), says: "does not answer"},
		"preempted":         {status: condition(corev1.DisruptionTarget, corev1.ConditionTrue, "PreemptionByScheduler", "", runs()), says: "something more important"},
		"shut down":         {status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "NodeShutdown"}, says: "was shut down"},
		"time is over":      {status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "DeadlineExceeded"}, says: "time is over"},
		"not let in":        {status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "OutOfcpu", Message: "Pod was rejected"}, says: "(OutOfcpu): Pod was rejected."},
		"very long":         {status: with(waiting("ErrImagePull", strings.Repeat("x\n ", 5000))), says: "cannot pull", tried: true},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Spec: corev1.PodSpec{NodeName: "node-1"}, Status: c.status}
			v := judge(pod, c.events)
			if !strings.Contains(v.says, c.says) || v.bad() != (c.says != "") || v.final != c.final || v.slow != c.slow || v.tried != c.tried {
				t.Errorf("%+v, want %+v", v, c)
			}
			if v.bad() && (!strings.HasSuffix(v.says, ".") || len(v.says) > 1000 || strings.Contains(v.says, "..")) {
				t.Errorf("%d bytes are no sentence: %s", len(v.says), v.says)
			}
		})
	}
}

func TestAPartSaysHowItEnded(t *testing.T) {
	for name, c := range map[string]struct {
		status  corev1.PodStatus
		running bool
		over    bool
		exit    int
		oom     bool
		says    bool
	}{
		"runs":        {status: with(runs()), running: true},
		"not yet":     {status: corev1.PodStatus{Phase: corev1.PodPending}},
		"exit code":   {status: with(terminated("Error", "", 7)), over: true, exit: 7},
		"memory":      {status: with(terminated("OOMKilled", "", 137)), over: true, exit: 137, oom: true},
		"no program":  {status: with(terminated("StartError", "no such file", 128)), over: true, exit: 128, says: true},
		"no image":    {status: with(waiting("ErrImagePull", "not found")), says: true},
		"evicted":     {status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "memory"}, over: true, exit: 137, says: true},
		"node lost":   {status: corev1.PodStatus{Phase: corev1.PodRunning, Reason: "NodeLost", ContainerStatuses: []corev1.ContainerStatus{runs()}}, over: true, exit: 255, says: true},
		"too large":   {status: condition(corev1.PodScheduled, corev1.ConditionFalse, "Unschedulable", "0/1 nodes"), says: true},
		"other parts": {status: corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{Name: "broker"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.Now()}, Status: c.status}
			p := partOf(pod, runtime.PartAgent)
			if p.Running != c.running || p.Finished.IsZero() == c.over || p.ExitCode != c.exit || p.OOMKilled != c.oom || (p.Error != "") != c.says {
				t.Errorf("%+v, want %+v", p, c)
			}
		})
	}
}

func TestAPodThatNoMachineTakesIsMadeAnew(t *testing.T) {
	made := time.Now()
	for _, c := range []struct {
		node string
		age  time.Duration
		want bool
	}{{"", 0, false}, {"", patience - time.Second, false}, {"", patience, true}, {"node", time.Hour, false}} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(made)}, Spec: corev1.PodSpec{NodeName: c.node}}
		if got := forgotten(pod, made.Add(c.age)); got != c.want {
			t.Errorf("on %q after %s: %v", c.node, c.age, got)
		}
	}
}
