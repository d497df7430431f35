package waf

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"

	"github.com/theriac-edge/theriac/modules/waf/rules"
	"github.com/theriac-edge/theriac/modules/waf/values"
)

// engine is one compiled set of rules. All shops without rule files of their own
// share one: a second would cost 2 MB and start with cold caches.
type engine struct {
	waf  coraza.WAF
	tags map[string][]int // rules by tag, for exclusions
	ids  map[int]bool

	// What finds out which rules cannot match; compiled for the first shop that wants it. It
	// is distrusted once an audit has seen a difference.
	sieve      func() (*judge, error)
	distrusted atomic.Bool
	judged     atomic.Int64 // requests

	preset func() ([]step, error) // the preset's exclusions; half a megabyte, so they are shared as well
}

// engines outlive reloads. Their key is the hash of all rules, so that an edited
// file takes effect.
var engines = caddy.NewUsagePool()

// built counts engines for a test: changing a shop builds none.
var built atomic.Int64

// transaction is what we need of Coraza beyond its public interface; check verifies
// that this release has it.
type transaction interface {
	types.Transaction
	plugintypes.TransactionState
	excluder
	RemoveRuleByIDRange(first, last int)
}

// noLogData takes a tenth off the time for a page: Coraza 3.8.1 fills in the log line of each
// rule that it evaluates, with the value in it, whether the rule matches or not. Only rules
// of a shop's own can have these lines written.
const noLogData = "SecRuleUpdateActionById 911000-959999 \"logdata:-\"\n"

// engineOf finds or builds the engine with these additional rules.
func engineOf(own string) (e *engine, key string, err error) {
	shared, err := rules.Text()
	if err != nil {
		return nil, "", err
	}
	if own == "" {
		own = noLogData
	}
	text := shared + "\n" + own
	sum := sha256.Sum256([]byte(text))
	key = hex.EncodeToString(sum[:])
	found, _, err := engines.LoadOrNew(key, func() (caddy.Destructor, error) { return newEngine(text) })
	if err != nil {
		return nil, "", err
	}
	return found.(*engine), key, nil
}

func newEngine(text string) (*engine, error) {
	e := &engine{tags: make(map[string][]int), ids: make(map[int]bool)}
	e.preset = sync.OnceValues(func() ([]step, error) { return e.compile(presetExclusions()) })
	e.sieve = sync.OnceValues(func() (*judge, error) { return compileSieve(text) })
	config := coraza.NewWAFConfig().WithRootFS(coreruleset.FS).
		WithDirectives(text)
	config = experimental.WAFConfigWithRuleObserver(config, func(rule types.RuleMetadata) {
		if e.ids[rule.ID()] {
			return // a rule of ours in place of one of the Core Rule Set, with its number and tags
		}
		e.ids[rule.ID()] = true
		for _, tag := range rule.Tags() {
			e.tags[tag] = append(e.tags[tag], rule.ID())
		}
	})
	var err error
	if e.waf, err = coraza.NewWAF(config); err == nil {
		err = e.check()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("compiling the rules: %w", err), e.Destruct())
	}
	built.Add(1)
	return e, nil
}

// check verifies what Coraza has, but does not promise.
func (e *engine) check() error {
	if len(e.ids) == 0 {
		return errors.New("this release of Coraza does not report which rules it has loaded")
	}
	tx := e.waf.NewTransaction()
	defer tx.Close()
	inner, ok := tx.(transaction)
	if !ok {
		return errors.New("this release of Coraza cannot exclude rules for one request")
	}
	if !values.CanFill(inner.Variables()) {
		return errors.New("this release of Coraza cannot be given a request that was parsed already")
	}
	return checkRoom(e.waf)
}

// compile turns exclusions into steps.
func (e *engine) compile(exclusions []*Exclusion) (steps []step, err error) {
	for _, x := range exclusions {
		each, err := x.compile(e)
		if err != nil {
			return nil, fmt.Errorf("exclude %s %s: %w", x.Rule, x.Target, err)
		}
		steps = append(steps, each)
	}
	return steps, nil
}

// Destruct releases the compiled rules after the last shop has released the engine.
func (e *engine) Destruct() error {
	if closer, ok := e.waf.(experimental.WAFCloser); ok {
		return closer.Close()
	}
	return nil
}

// readRules reads the files with a shop's own rules, in the order of the patterns.
func readRules(patterns []string) (string, error) {
	var rules strings.Builder
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("reading rules %s: %w", pattern, err)
		}
		if len(files) == 0 {
			return "", fmt.Errorf("reading rules %s: no such file; the path must exist on the edge", pattern)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return "", fmt.Errorf("reading rules: %w", err)
			}
			rules.Write(text)
			rules.WriteByte('\n')
		}
	}
	return rules.String(), nil
}
