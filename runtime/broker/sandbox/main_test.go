package sandbox

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"volundr/runtime/broker/wire"
)

// The test's own program is a sandbox's process 1 when it is started as one:
// first as root, to make the name space of processes visible and to limit them,
// then again as the user that commands run as.
const roleEnv = "VOLUNDR_TEST_PROCESS_1"

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case "root":
		err = becomeUser()
	case "user":
		err = beProcess1()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func becomeUser() error {
	uid, err := strconv.Atoi(os.Getenv("UID"))
	if err != nil {
		return err
	}
	limit, err := strconv.ParseUint(os.Getenv("LIMIT"), 10, 64)
	if err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
		return err
	}
	if err := unix.Setgroups(nil); err != nil {
		return err
	}
	if err := unix.Setgid(uid); err != nil {
		return err
	}
	if err := unix.Setuid(uid); err != nil {
		return err
	}
	os.Setenv(roleEnv, "user")
	return unix.Exec(os.Args[0], os.Args, os.Environ())
}

func beProcess1() error {
	os.Unsetenv(roleEnv)
	key, err := base64.StdEncoding.DecodeString(os.Getenv("KEY"))
	if err != nil {
		return err
	}
	ln, err := net.Listen("unix", os.Getenv("ADDRESS"))
	if err != nil {
		return err
	}
	return serve(context.Background(), Options{Session: "s", Key: key, Workspace: os.Getenv("WORKSPACE"),
		Config: wire.Sandbox{LifetimeMS: 5 * 60 * 1000, OpenFiles: 256}, Log: slog.New(slog.DiscardHandler)}, ln, func(func(net.Conn)) {})
}
