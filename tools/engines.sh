#!/usr/bin/env bash
# Install the engines below a folder: Beam's job servers for Flink and Spark, Flink itself, and Prism.
# Needs Java 11 or later, Maven and Go. Usage: engines.sh FOLDER [flink|flink-cluster|spark|prism]...
set -euo pipefail

PRISM=github.com/apache/beam/sdks/v2/go/cmd/prism@v2.71.0

here=$(cd "$(dirname "$0")" && pwd)
folder=$(mkdir -p "$1" && cd "$1" && pwd)
shift
engines=("$@")
[ ${#engines[@]} -gt 0 ] || engines=(flink flink-cluster spark prism)

jars() { # jars ENGINE: copy what tools/ENGINE/pom.xml names into FOLDER/ENGINE/jars, unless it is there already
  local pom=$here/$1/pom.xml target=$folder/$1
  if [ -f "$target/pom.xml" ] && cmp -s "$pom" "$target/pom.xml"; then return; fi
  command -v mvn >/dev/null || { echo "engines.sh: Maven (mvn) isn't installed; it fetches the jars of $1" >&2; exit 1; }
  rm -rf "$target"
  echo "Fetching the jars of $1 ..."
  mvn -B -q -f "$pom" dependency:copy-dependencies -DoutputDirectory="$target/jars" -DincludeScope=runtime
  cp "$pom" "$target/pom.xml" # last: a folder without it is unfinished
}

for engine in "${engines[@]}"; do
  case $engine in
    flink | flink-cluster | spark) jars "$engine" ;;
    prism)
      [ -x "$folder/bin/prism" ] || GOBIN=$folder/bin go install "$PRISM"
      ;;
    *)
      echo "engines.sh: no engine called $engine" >&2
      exit 2
      ;;
  esac
done
