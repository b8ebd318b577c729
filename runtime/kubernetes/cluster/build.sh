#!/usr/bin/env bash
# Builds the test cluster and prints the path of its executable. It is kept in
# the user's cache under a hash of its sources: only a change builds it anew
# (ten minutes of processor time; seconds when Go's build cache is warm).
set -euo pipefail
cd "$(dirname "$0")"

sources() { find . -name '*.go' -not -name '*_test.go' | sort; echo build.sh go.mod go.sum; }
sum=$({ go env GOVERSION GOARCH; sources | xargs sha256sum; } | sha256sum | cut -c1-16)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/volundr/cluster/$sum
if [ ! -x "$folder/cluster" ]; then
  echo "Building the test cluster: minutes, the first time" >&2
  version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
  IFS=. read -r major minor _ <<<"${version#v}"
  flags="-s -w"
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor -X $package.gitTreeState=clean"
  done
  mkdir -p "${folder%/*}"
  new=$(mktemp -d "$folder.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  CGO_ENABLED=0 go build -mod=readonly -buildvcs=false -trimpath -ldflags "$flags" -o "$new/" . ./pod
  chmod 755 "$new"
  mv -T "$new" "$folder" 2>/dev/null || [ -x "$folder/cluster" ] # somebody else was faster
fi
echo "$folder/cluster"
