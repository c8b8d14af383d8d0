# SPDX-License-Identifier: Apache-2.0

PKG_NAME?=$(notdir $(CURDIR))

include $(INCLUDE_DIR)/package.mk

define Package/$(PKG_NAME)
  SECTION:=luci
  TITLE:=$(LUCI_TITLE)
  URL:=$(LUCI_URL)
  DEPENDS:=$(LUCI_DEPENDS)
  PKGARCH:=$(LUCI_PKGARCH)
endef

define Package/$(PKG_NAME)/install
	$(INSTALL_DIR) $(1)/www
	$(CP) htdocs/. $(1)/www
	$(CP) root/. $(1)
	find $(1) -type d -exec chmod 0755 {} + -o -type f -perm -u=x -exec chmod 0755 {} + -o -type f -exec chmod 0644 {} +
endef

# The menu and the rights of users are read anew.
define Package/$(PKG_NAME)/postinst
[ -n "$$IPKG_INSTROOT" ] || {
	rm -rf /tmp/luci-indexcache* /tmp/luci-modulecache
	[ ! -x /etc/init.d/rpcd ] || /etc/init.d/rpcd reload
}
endef

$(eval $(call BuildPackage,$(PKG_NAME)))
