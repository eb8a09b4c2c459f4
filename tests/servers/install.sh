#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are named on the command line, without starting the services they bring.
set -eu

if [ "$(id -u)" -ne 0 ]; then
    echo "The tests start servers from these Debian packages, which are missing here: $*" >&2
    echo "Install them with: sudo apt-get install --no-install-recommends $*" >&2
    exit 1
fi

# Package scripts ask this program whether they may start a service.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends "$@"
