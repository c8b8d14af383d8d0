# SPDX-License-Identifier: Apache-2.0

# Every architecture that can be asked for can be built for.
GO_ARCH_DEPENDS:=

# The daemon is built already: DAEMON.
define GoPackage/Package/Install/Bin
	$(INSTALL_DIR) $(1)$(GO_PKG_INSTALL_BIN_PATH)
	$(INSTALL_BIN) $(DAEMON) $(1)$(GO_PKG_INSTALL_BIN_PATH)/$(notdir $(GO_PKG_BUILD_PKG))
endef
