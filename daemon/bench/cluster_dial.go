package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"time"

	"volundr/runtime"
	"volundr/runtime/kubernetes"
)

const dialsEach = 20 // new connections in a row, of which the mean counts

// dials: a new connection to a program in a session and one answer over it, as the
// proxy of the daemon makes them, against the same through kubectl port-forward.
func (k *kube) dials(ctx context.Context, p *product, session string) (rows []row, err error) {
	pod, err := k.kubectl(ctx, nil, "get", "pods", "-o", "name", "-l", "volundr.session="+session)
	if err != nil {
		return nil, err
	}
	name := string(bytes.TrimSpace(pod))
	program, err := k.buildPeer(ctx)
	if err != nil {
		return nil, err
	}
	lay := fmt.Sprintf("cat > %[1]s/peer && chmod +x %[1]s/peer && { setsid %[1]s/peer %[2]s %[3]s >/dev/null 2>&1 </dev/null & }", runtime.PathWorkspace, peerRole, peerPort)
	if _, err := k.kubectl(ctx, program, "exec", "-i", name, "-c", runtime.PartAgent, "--", "sh", "-c", lay); err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(peerPort)
	if err != nil {
		return nil, err
	}
	key, err := p.key()
	if err != nil {
		return nil, err
	}
	installation := regexp.MustCompile(`volundr-([a-z0-9]{8})-`).FindStringSubmatch(name)
	if installation == nil {
		return nil, fmt.Errorf("no installation in the name %s", name)
	}
	rt, err := kubernetes.New(kubernetes.Options{Cluster: kubernetes.Cluster{Kubeconfig: k.kubeconfig}, Installation: installation[1], Key: key})
	if err != nil {
		return nil, err
	}
	defer rt.Close()
	at, end, err := k.portForward(ctx, name)
	if err != nil {
		return nil, err
	}
	defer end()
	ways := []func() (net.Conn, error){
		func() (net.Conn, error) { return rt.Dial(ctx, session, port) },
		func() (net.Conn, error) { return net.Dial("tcp", at) },
	}
	err = poll(ctx, 30*time.Second, between, "the program in the session answers", func() (bool, error) {
		return answersOnce(ways[0]) == nil && answersOnce(ways[1]) == nil, nil
	})
	if err != nil {
		return nil, err
	}
	var took [2]series
	for i := range k.rounds {
		for w := range ways {
			w = (w + i) % 2
			began := time.Now()
			for range dialsEach {
				if err := answersOnce(ways[w]); err != nil {
					return nil, err
				}
			}
			took[w].millis(time.Since(began) / dialsEach)
		}
	}
	k.say("kubernetes: dial %.2f ms, kubectl port-forward %.2f ms", took[0].median(), took[1].median())
	return []row{measured("on a cluster: dial and an answer", "ms", took[0]).against("kubectl port-forward", took[1]).atMostTimes(1.5)}, nil
}

// answersOnce makes a connection, asks something small over it and reads the
// answer.
func answersOnce(dial func() (net.Conn, error)) error {
	conn, err := dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: peer\r\n\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && line != "HTTP/1.1 200 OK\r\n" {
		err = fmt.Errorf("the program in the session says %q", line)
	}
	return err
}

// portForward is upstream's, to the program in a session, until end.
func (k *kube) portForward(ctx context.Context, pod string) (at string, end func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := k.command(ctx, "port-forward", pod, ":"+peerPort)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return "", nil, err
	}
	lines := bufio.NewReader(out)
	said, err := lines.ReadString('\n') // "Forwarding from 127.0.0.1:40001 -> 3000"
	found := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(said)
	drained := make(chan struct{})
	go func() { // ends with the process
		defer close(drained)
		for err := error(nil); err == nil; {
			_, err = lines.ReadString('\n')
		}
	}()
	end = func() { cancel(); <-drained; cmd.Wait() }
	if found == "" {
		end()
		return "", nil, fmt.Errorf("kubectl port-forward says %q: %w", said, err)
	}
	return found, end, nil
}
