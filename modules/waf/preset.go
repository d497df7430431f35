package waf

import (
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/parser"
)

// fillDefaults sets what the configuration leaves open.
func (h *Handler) fillDefaults() {
	if h.Paranoia == 0 {
		h.Paranoia = 1
	}
	if h.Threshold == 0 {
		h.Threshold = 5
	}
	if len(h.Methods) == 0 {
		h.Methods = presetMethods()
	}
	if len(h.ContentTypes) == 0 {
		h.ContentTypes = presetContentTypes()
	}
	if h.Concurrency == 0 {
		h.Concurrency = 4 * runtime.GOMAXPROCS(0)
	}
	if h.Time == 0 {
		h.Time = caddy.Duration(time.Second) * caddy.Duration(runtime.GOMAXPROCS(0)) / 2
	}
	if h.Sieve == "" {
		h.Sieve = "off"
	}
	if h.SieveAudit == 0 {
		h.SieveAudit = auditEvery
	}
	h.Bounds.fillDefaults()
}

// presetMethods are those of shop software's APIs, such as Shopware's Store API and
// Magento's REST.
func presetMethods() []string {
	return []string{"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"}
}

func presetContentTypes() []string {
	return []string{
		"application/x-www-form-urlencoded", "multipart/form-data", "application/json",
		"application/graphql", "text/plain",
		"application/csp-report", "application/xml", "text/xml", "text/csv", "application/octet-stream", "application/pdf",
		"*/*+json", "*/*+xml", "image/*", "application/offset+octet-stream", "application/partial-upload", "multipart/related",
		"application/x-ndjson", "application/ndjson", "application/x-sentry-envelope", "application/secevent+jwt",
		"application/hl7-v2", "x-application/hl7-v2+er7", "application/edifact", "application/edi-x12",
		"application/csv", "text/tab-separated-values", "text/calendar", "text/vcard", "text/markdown",
		"text/json", "text/x-json", "application/x-json", "application/jsonl", "application/json-seq", "application/jwt", "application/jose",
	}
}

// named returns the target for fields with one of these names, at any depth of a form
// or document, as in customer[street][0] and json.customer.street.0. PHP forgets what
// follows a bracket: of search[term].password it makes search[term], which no rule leaves out.
func named(names ...string) string {
	name := `(?:` + strings.Join(names, "|") + `)`
	return `ARGS:/^(?:(?:[^\[\]]*\.)?` + name + `(?:\.\d+)*|[^\[\]]+(?:\[[^\[\]]*\])*\[` + name + `\])(?:\[\w*\])*$/`
}

// The fields of shops' forms and APIs in which people write text.
var (
	searchFields = named("q", "s", "ssearch", "search", "searchparam", "query", "term", "(?:ep\\.)?search_term", "_psq", "utm_term", `queries\.\d+\.value`)

	textFields = named(`(?:customer|order|internal|your)?[_-]?(?:comments?|notes?|remarks?|message|subject|memo)`,
		"nachricht", "c_message", "delivery_message", "bemerkung", "hinweis", "grund", "reason", "question", "note_to_payer",
		"title", "comment_(?:title|content)", "content", "detail", "description", "text", "rvw_txt", "wishlist_name",
		"options", "option_value", "persparam", `textfield\d`, "dt", "action_name",
		`(?:billing_|shipping_|address_)?(?:street|strasse|address_?\d?)`, `additionaladdressline\d`)

	passwordFields = named(`(?:lgn_|old_?|new_?|current_?|user_?)?(?:password|passwd|passwort|pass|pwd)_?(?:\d|old|new|current|confirm(?:ation)?|new_confirm)?`,
		`newpasswordconfirm`)

	htmlFields = named(`(?:short_?|meta_?|variable_|products_(?:short_)?)?description(?:_short|_long)?(?:_\d+)?`, `c(?:text|beschreibung|kurzbeschreibung)(?:_\w+)?`, `customfields\.\w+`, `custom_attributes\.\d+\.value`, `content(?:_\d+)?`, "excerpt",
		"template_text", "bodytext", "value", "translated", `\w*html`, `oxarticles__ox\w+desc`, `woocommerce_\w+_text`, "body", "answer")
)

// Staff writes to these paths, each of which requires a login. Customers' comments and
// reviews go to other paths.
var staffPaths = []string{
	"/admin", "/index.php/admin", "/backend/", "/xtAdmin/", "/typo3/", // OXID, Magento and PrestaShop, which append letters; Shopware 5, xt:Commerce, TYPO3
	"/api/product/", "/api/product-", "/api/category/", "/api/cms-", "/api/mail-", "/api/snippet", // Shopware
	"/api/manufacturer/", "/api/landing-page", "/api/_action/sync", "/api/_action/mail-template/",
	"/rest/V1/products", "/rest/*/V1/products", "/rest/V1/cms", "/rest/*/V1/cms", "/rest/V1/categories", "/rest/*/V1/categories", // Magento
	"/api/v2/admin/",                                                                                                        // Sylius
	"/wp-admin/post.php", "/wp-admin/options.php", "/wp-admin/edit-tags.php", "/wp-admin/term.php", "/wp-admin/widgets.php", // WordPress
	"/wp-admin/customize.php", "/wp-admin/nav-menus.php", "/wp-admin/admin.php", "/wp-json/wc/v3/", "/wp-json/wp/v2/",
	"/*/index.php/sell/", "/*/index.php/improve/", "/*/index.php/configure/", // PrestaShop, whose back office is renamed
}

// exclusionsOf returns the exclusions of several rules for one target.
func exclusionsOf(reason, target string, paths []string, rules ...string) (all []*Exclusion) {
	for _, rule := range rules {
		all = append(all, &Exclusion{Rule: rule, Target: target, Paths: paths, Reason: reason})
	}
	return all
}

// staffExclusions are those for the paths below which staff works.
func staffExclusions(paths []string) []*Exclusion {
	return exclusionsOf("staff writes HTML", htmlFields, paths, "attack-xss", "932235", "932260", "932370", "942100", "942550")
}

// ofTypes has exclusions hold for these content types only.
func ofTypes(all []*Exclusion, types ...string) []*Exclusion {
	for _, x := range all {
		x.ContentTypes = types
	}
	return all
}

// fhirExclusions are for the summary of a document of FHIR, which is XHTML. Rules that look
// for scripts and handlers of events inspect it.
func fhirExclusions() []*Exclusion {
	return ofTypes(exclusionsOf("a document of FHIR has a summary for people", named(`text\.div`), nil, "941100", "941130"), "application/fhir+json")
}

// hospitalExclusions are for messages of HL7, in which | and ^ stand between fields. A form or a
// document is not read as one text.
func hospitalExclusions() []*Exclusion {
	return ofTypes(exclusionsOf("fields of HL7 stand between the operators of shells", "ARGS:body", nil, "932230", "932250"),
		"application/hl7-v2", "x-application/hl7-v2+er7")
}

// ajaxExclusions are for editors of WordPress that send HTML to a path that visitors have as
// well. It does what action says, and these actions with these fields for staff only.
func ajaxExclusions() (all []*Exclusion) {
	for _, saves := range [...]struct{ action, target string }{
		{"elementor_ajax", "ARGS:actions"},
		{"heartbeat", `ARGS:/^data\[wp_autosave\]\[(?:content|excerpt)\]$/`}, // a draft (coreruleset #3333)
		{"save-widget", `ARGS:/^widget-\w+\[\d+\]\[(?:text|content)\]$/`},
	} {
		for _, x := range exclusionsOf("WordPress' editors save pages with HTML", saves.target, []string{"/wp-admin/admin-ajax.php"}, "attack-xss") {
			x.only = func(t *parser.Table) bool {
				isOther := func(v parser.Value) bool {
					return isArgument(v) && nameInPHP(v.Name) == "action" && v.Text != saves.action
				}
				return hasField(t, "action") && !slices.ContainsFunc(t.Values, isOther)
			}
			all = append(all, x)
		}
	}
	return all
}

// presetExclusions adapt the Core Rule Set to shops. Each names rule and
// target, and why; test/benign/testdata has requests that need it.
func presetExclusions() (all []*Exclusion) {
	for _, group := range [][]*Exclusion{
		exclusionsOf("WC-Ente and perl earrings are also names of programs", searchFields, nil, "932120", "932250", "932260"),
		exclusionsOf("sentences and addresses start with any word, such as df 12 and sh 5", textFields, nil, "932250"),
		exclusionsOf("WooCommerce sends a form in a field, with what customers write", named("post_data"), nil, "942350"),
		exclusionsOf("passwords contain any character, and are compared as hashes", passwordFields, nil,
			"932130", "932250", "932270", "932340", "932370", "932380", "933135", "941100", "942100", "942190", "942540"),
		staffExclusions(staffPaths),
		exclusionsOf("Stripe sends customers back with its own session_id", "ARGS_NAMES:session_id", nil, "943110", "943120"),
		exclusionsOf("OData, and SOAP with attachments, have parameters of their own; the parser refuses what servers read differently",
			"REQUEST_HEADERS:content-type", nil, "920470", "921421"),
		exclusionsOf("photographs are uploaded in pieces", "REQUEST_HEADERS_NAMES:content-range", nil, "920450"),
		exclusionsOf("beacons and polling programs send a body without a type", "REQUEST_HEADERS:content-length", nil, "920340"),
		exclusionsOf("beacons and polling programs send a body without a type", "REQUEST_BODY_LENGTH", nil, "920640"),
		exclusionsOf("a report of a Content-Security-Policy quotes the policy, which has data:", `ARGS:/^json\.(?:csp-report|(?:\d+\.)?body)\.original-?policy$/`, nil, "941170"),
		exclusionsOf("and the first 40 characters of the script that it has blocked", `ARGS:/^json\.(?:csp-report\.script-sample|(?:\d+\.)?body\.sample)$/`, nil, "934100", "941390"),
		exclusionsOf("PostHog has a property $pathname, which begins as a variable of shells", `ARGS_NAMES:/^json\..*\.\$(?:[a-z]+_)*pathname$/`, nil, "932160"),
		exclusionsOf("browsers write Object.<anonymous> (https://…) in stacks", named("stack", "stack_?trace", "componentstack"), nil, "932130"),
		exclusionsOf("Windows asks for the picture of a tile by browserconfig.xml", "REQUEST_FILENAME", []string{"/browserconfig.xml"}, "930130"),
		fhirExclusions(), ajaxExclusions(), hospitalExclusions(),
	} {
		all = append(all, group...)
	}
	return all
}
