# SPDX-License-Identifier: Apache-2.0
#
# With the files beside it: as much of OpenWrt's build system as our two Makefiles
# use, so that what they say is what every package holds, with the SDK or without.

INSTALL_DIR:=install -d -m 0755
INSTALL_BIN:=install -m 0755
INSTALL_DATA:=install -m 0644
INSTALL_CONF:=install -m 0600
CP:=cp -fpR
