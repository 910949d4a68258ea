#!/usr/bin/env bash
# Install Debian's chromium and its driver, for the browser tests. Without them those tests skip visibly.
set -euo pipefail
command -v chromium >/dev/null && command -v chromedriver >/dev/null && exit 0
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
  echo "install chromium and chromedriver yourself (Debian: apt-get install chromium chromium-driver)" >&2
  [ "${CI:-}" = true ] && exit 1
  exit 0
fi
echo "Installing chromium ..."
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium chromium-driver fonts-noto-cjk >/dev/null
