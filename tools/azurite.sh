#!/usr/bin/env bash
# Install Azurite's blob service by npm into DIR/azurite, once, and link it into DIR/bin. Usage: azurite.sh DIR VERSION
# Without npm the tests that need it skip visibly, except under CI=true, where that is a failure.
set -euo pipefail
mkdir -p "$1/bin" && folder=$(cd "$1" && pwd)
stamp=$folder/azurite/.$2
if [ ! -e "$stamp" ]; then
  if ! command -v npm >/dev/null; then
    echo "no npm here: tests that need azurite-blob will be skipped" >&2
    [ "${CI:-}" = true ] && exit 1
    exit 0
  fi
  echo "Installing azurite@$2 ..."
  npm install --silent --no-fund --no-audit --ignore-scripts --prefix "$folder/azurite" "azurite@$2"
  touch "$stamp"
fi
ln -sfn ../azurite/node_modules/.bin/azurite-blob "$folder/bin/azurite-blob"
