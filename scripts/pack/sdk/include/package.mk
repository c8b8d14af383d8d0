# SPDX-License-Identifier: Apache-2.0

# What a package is, as a file for each thing in the directory INFO.
#
# $(call say,NAME,VALUE)
say=$(file >$(INFO)/$(1),$(2))

define BuildPackage
$(eval $(Package/$(1)))
.PHONY: describe stage
describe:
	$$(call say,name,$(1))
	$$(call say,section,$$(SECTION))
	$$(call say,title,$$(TITLE))
	$$(call say,description,$$(or $$(Package/$(1)/description),$$(TITLE)))
	$$(call say,depends,$$(patsubst +%,%,$$(filter-out @%,$$(DEPENDS))))
	$$(call say,userid,$$(USERID))
	$$(call say,arch,$$(PKGARCH))
	$$(call say,license,$$(PKG_LICENSE))
	$$(call say,maintainer,$$(PKG_MAINTAINER))
	$$(call say,url,$$(URL))
	$$(call say,version,$$(PKG_VERSION))
	$$(call say,release,$$(PKG_RELEASE))
	$$(call say,conffiles,$$(Package/$(1)/conffiles))
	$$(call say,postinst,$$(Package/$(1)/postinst))
	$$(call say,prerm,$$(Package/$(1)/prerm))
	@:

# Its files, below the directory DEST.
stage:
	$$(call Package/$(1)/install,$$(DEST))
endef
