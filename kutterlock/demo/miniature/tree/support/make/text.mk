# Words and punctuation that make itself has no syntax for.

empty :=
space := $(empty) $(empty)
comma := ,
define sep


endef

# Field and record separators of what make hands to our Python programs.
US := $(shell printf '\037')
RS := $(shell printf '\036')

qstrip = $(strip $(subst ",,$(1)))#"
path-safe = $(subst /,_,$(subst :,_,$(subst $(space),_,$(strip $(1)))))

# UPPERCASE(name): the prefix of a package's variables, libfoo-bar -> LIBFOO_BAR
lower := a b c d e f g h i j k l m n o p q r s t u v w x y z - .
upper := A B C D E F G H I J K L M N O P Q R S T U V W X Y Z _ _
pairs := $(join $(addsuffix /,$(lower)),$(upper))
replace-letters = $(if $(2),$(call replace-letters,$(subst $(patsubst %/,%,$(dir $(firstword $(2)))),$(notdir $(firstword $(2))),$(1)),$(wordlist 2,$(words $(2)),$(2))),$(1))
UPPERCASE = $(if $(UPPERCASE.$(1)),,$(eval UPPERCASE.$(1) := $(call replace-letters,$(strip $(1)),$(pairs))))$(UPPERCASE.$(1))

# What tput knows about the terminal; nothing where there is none.
TERM_BOLD := $(shell tput smso 2>/dev/null)
TERM_RESET := $(shell tput rmso 2>/dev/null)
MESSAGE = printf '%s>>> %s %s %s%s\n' '$(TERM_BOLD)' '$($(PKG)_NAME)' '$($(PKG)_VERSION)' \
	'$(call qstrip,$(1))' '$(TERM_RESET)'
