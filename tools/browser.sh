#!/usr/bin/env bash
# Install Debian's chromium, its driver and Firefox, for the browser tests. Without them those tests skip visibly.
set -euo pipefail
command -v chromium >/dev/null && command -v chromedriver >/dev/null && command -v firefox-esr >/dev/null && exit 0
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
  echo "install chromium, chromedriver and firefox yourself (Debian: apt-get install chromium chromium-driver firefox-esr)" >&2
  [ "${CI:-}" = true ] && exit 1
  exit 0
fi
echo "Installing chromium and firefox ..."
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium chromium-driver firefox-esr fonts-noto-cjk >/dev/null
