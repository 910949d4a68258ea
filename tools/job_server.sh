#!/usr/bin/env bash
# Run Beam's job server for an engine until it is interrupted; `mirrorfold run ... --engine=flink` finds it there.
# Usage: job_server.sh FOLDER flink [HOST:PORT of a JobManager]    without one, a whole Flink runs inside
#        job_server.sh FOLDER spark [SPARK_MASTER_URL]              without one, a local Spark
# JOB_PORT (8099) and ARTIFACT_PORT (8098) choose other ports; HEAP (1g) the server's memory.
set -euo pipefail

folder=$1 engine=$2 master=${3:-}
case $engine in
  flink) main=org.apache.beam.runners.flink.FlinkJobServerDriver master=--flink-master=${master:-[local]} ;;
  spark) main=org.apache.beam.runners.spark.SparkJobServerDriver master=--spark-master-url=${master:-local[2]} ;;
  *) echo "job_server.sh: no job server for $engine" >&2; exit 2 ;;
esac
[ -d "$folder/$engine/jars" ] || { echo "job_server.sh: run tools/engines.sh $folder $engine first" >&2; exit 1; }

# A remote Flink is sent every jar of this class path with each job, and takes seconds over it: leave out what only a
# Flink in this process needs.
jars=$folder/$engine/jars/*
if [ "$engine" = flink ] && [ -n "${3:-}" ]; then
  jars=$(printf '%s:' $(ls "$folder"/flink/jars/*.jar | grep -vE '/flink-(rpc-akka-loader|shaded-zookeeper-3)-[^/]*$'))
fi

opens=()
for package in lang lang.invoke lang.reflect io net nio text time util util.concurrent util.concurrent.atomic \
  util.concurrent.locks; do opens+=("--add-opens=java.base/java.$package=ALL-UNNAMED"); done
for package in net.util nio.ch nio.cs security.action util.calendar; do
  opens+=("--add-opens=java.base/sun.$package=ALL-UNNAMED")
done

artifacts=$(mktemp -d)
# It listens for mirrorfold and for staged files on loopback, but the ports on which a cluster's workers call back are
# open to every interface: keep this host behind a firewall.
java "-Xmx${HEAP:-1g}" -XX:+UseSerialGC "${opens[@]}" -Dspark.ui.enabled=false -cp "$jars" "$main" \
  "$master" --job-host=localhost "--job-port=${JOB_PORT:-8099}" "--artifact-port=${ARTIFACT_PORT:-8098}" \
  --expansion-port=0 "--artifacts-dir=$artifacts" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" || true; rm -rf "$artifacts"' EXIT
trap 'exit 0' INT TERM
wait "$server"
