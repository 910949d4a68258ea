#!/usr/bin/env bash
# Install the test servers by the Go tool into DIR, each once. Usage: servers.sh DIR MODULE@VERSION...
# Without Go the tests that need them skip visibly, except under CI=true, where that is a failure.
set -euo pipefail
mkdir -p "$1" && folder=$(cd "$1" && pwd)
shift
for module in "$@"; do
  path=${module%@*}
  binary=$folder/$(basename "$path")
  stamp=$folder/.$(basename "$path").${module##*@}
  [ -x "$binary" ] && [ -e "$stamp" ] && continue
  if ! command -v go >/dev/null; then
    echo "no Go here: tests that need $(basename "$path") will be skipped" >&2
    [ "${CI:-}" = true ] && exit 1
    continue
  fi
  echo "Building $module ..."
  # The module proxy serves no version-control stamp, and Go refuses to build without one unless told so.
  GOFLAGS=-buildvcs=false GOBIN=$folder go install "$module"
  touch "$stamp"
done
