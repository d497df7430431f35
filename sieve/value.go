package sieve

import "iter"

// Variable is where in a request a value stands, in the words of SecLang.
type Variable uint8

// The variables that a request has. Those from RequestMethod on have one value each, and no
// name. ARGS, and the variables of names, come from these.
const (
	ArgsGet Variable = iota
	ArgsPost
	RequestCookies
	RequestHeaders
	Files
	FilesNames
	MultipartFilename
	MultipartPartHeaders
	XML // the name is the path: /* for texts, //@* for attributes

	RequestMethod
	RequestURI
	RequestURIRaw
	RequestLine
	RequestFilename
	RequestBasename
	RequestProtocol
	QueryString
	RequestBody
	RequestBodyLength
	ReqbodyProcessor
	FilesCombinedSize
	RemoteAddr
	variables // how many there are
)

// Variables returns all variables that a request has.
func Variables() iter.Seq[Variable] {
	return func(yield func(Variable) bool) {
		for v := range variables {
			if !yield(v) {
				return
			}
		}
	}
}

// Value is one text that rules inspect.
type Value struct {
	Variable   Variable
	Name, Text string
}

// Request is what rules read of a request: what Coraza's variables hold when its rules run.
// A collection that has no values is empty; a rule on a variable with one value that is
// missing is open.
type Request struct {
	Settings *Settings // must be there
	Values   []Value

	// Exclude, if it is not nil, says what the shop leaves out of this request. It is not
	// asked unless that matters.
	Exclude func(*Exclusions)
}

// RuleID is the number of a rule.
type RuleID = int

// kind is a list of values as rules name them: a variable, or the names of one.
type kind uint8

// Behind the variables, the kinds are their names.
const (
	argsGetNames = kind(variables) + iota
	argsPostNames
	cookieNames
	headerNames
	kinds
)

// namesOf is the kind of the names of a collection.
var namesOf = map[Variable]kind{
	ArgsGet: argsGetNames, ArgsPost: argsPostNames, RequestCookies: cookieNames, RequestHeaders: headerNames,
}

// kindsOf are the kinds behind each variable of SecLang.
var kindsOf = map[string][]kind{
	"ARGS": {kind(ArgsGet), kind(ArgsPost)}, "ARGS_NAMES": {argsGetNames, argsPostNames},
	"ARGS_GET": {kind(ArgsGet)}, "ARGS_GET_NAMES": {argsGetNames},
	"ARGS_POST": {kind(ArgsPost)}, "ARGS_POST_NAMES": {argsPostNames},
	"REQUEST_COOKIES": {kind(RequestCookies)}, "REQUEST_COOKIES_NAMES": {cookieNames},
	"REQUEST_HEADERS": {kind(RequestHeaders)}, "REQUEST_HEADERS_NAMES": {headerNames},
	"FILES": {kind(Files)}, "FILES_NAMES": {kind(FilesNames)},
	"MULTIPART_FILENAME": {kind(MultipartFilename)}, "MULTIPART_PART_HEADERS": {kind(MultipartPartHeaders)},
	"XML":            {kind(XML)},
	"REQUEST_METHOD": {kind(RequestMethod)}, "REQUEST_URI": {kind(RequestURI)}, "REQUEST_URI_RAW": {kind(RequestURIRaw)},
	"REQUEST_LINE": {kind(RequestLine)}, "REQUEST_FILENAME": {kind(RequestFilename)}, "REQUEST_BASENAME": {kind(RequestBasename)},
	"REQUEST_PROTOCOL": {kind(RequestProtocol)}, "QUERY_STRING": {kind(QueryString)},
	"REQUEST_BODY": {kind(RequestBody)}, "REQUEST_BODY_LENGTH": {kind(RequestBodyLength)},
	"REQBODY_PROCESSOR": {kind(ReqbodyProcessor)}, "FILES_COMBINED_SIZE": {kind(FilesCombinedSize)},
	"REMOTE_ADDR": {kind(RemoteAddr)},
}

// isSingle reports whether a kind has one value, which must be there.
func (k kind) isSingle() bool { return k >= kind(RequestMethod) && k < kind(variables) }
