package waf

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/corazawaf/coraza/v3"
)

// checkRoom refuses rules that leave out three targets of a variable, or five to seven, and
// so on. Coraza 3.8.1 appends the exclusions of a transaction to those of the rule, which all
// transactions share: if that slice has room left, one request is inspected with the
// exclusions of another. There is none after one, two, four, eight … targets.
func checkRoom(engine coraza.WAF) error {
	rules, err := within(reflect.ValueOf(engine), "waf", "Rules", "rules")
	if err != nil {
		return err
	}
	for i := range rules.Len() {
		id, err := within(rules.Index(i), "ID_")
		if err != nil {
			return err
		}
		for rule := rules.Index(i).Addr(); !rule.IsNil(); {
			targets, err := within(rule, "variables")
			if err != nil {
				return err
			}
			for k := range targets.Len() {
				left, err := within(targets.Index(k), "Exceptions")
				if err != nil {
					return err
				}
				if left.Len() > 0 && left.Cap() > left.Len() {
					return fmt.Errorf("rule %d leaves out %d targets of a variable: Coraza would mix up the exclusions of concurrent requests; "+
						"repeat one of the targets until there are %d", id.Int(), left.Len(), left.Cap())
				}
			}
			if rule, err = within(rule, "Chain"); err != nil {
				return err
			}
		}
	}
	return nil
}

// within follows the names of fields, through pointers.
func within(v reflect.Value, names ...string) (reflect.Value, error) {
	for _, name := range names {
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v.Kind() == reflect.Struct {
			v = v.FieldByName(name)
		}
		if !v.IsValid() {
			return v, errors.New("in this release of Coraza the targets that a rule leaves out cannot be counted")
		}
	}
	return v, nil
}
