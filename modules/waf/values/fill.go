package values

import (
	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"

	"github.com/theriac-edge/theriac/sieve"
)

// settable is what Coraza's single variables are, besides their interface.
type settable interface{ Set(value string) }

// CanFill reports whether this release of Coraza can be given a request that was parsed
// already.
func CanFill(v plugintypes.TransactionVariables) bool {
	for variable := range sieve.Variables() {
		if to := single(v, variable); to != nil {
			if _, ok := to.(settable); !ok {
				return false
			}
		}
	}
	return true
}

// Fill gives Coraza the request. It parses nothing: what its parsers read differently from a
// shop's software would go by unseen.
func Fill(v plugintypes.TransactionVariables, all []sieve.Value) {
	documents := make(map[string][]string)
	for i := range all {
		value := &all[i]
		if to := collectionOf(v, value.Variable); to != nil {
			to.Add(value.Name, value.Text)
		} else if to := single(v, value.Variable); to != nil {
			to.(settable).Set(value.Text)
		} else { // of a document
			documents[value.Name] = append(documents[value.Name], value.Text)
		}
	}
	for _, name := range [...]string{Texts, Attributes, Elements} {
		v.RequestXML().Set(name, documents[name])
	}
}

func collectionOf(v plugintypes.TransactionVariables, variable sieve.Variable) collection.Map {
	switch variable {
	case sieve.ArgsGet:
		return v.ArgsGet()
	case sieve.ArgsPost:
		return v.ArgsPost()
	case sieve.RequestCookies:
		return v.RequestCookies()
	case sieve.RequestHeaders:
		return v.RequestHeaders()
	case sieve.Files:
		return v.Files()
	case sieve.FilesNames:
		return v.FilesNames()
	case sieve.MultipartFilename:
		return v.MultipartFilename()
	case sieve.MultipartPartHeaders:
		return v.MultipartPartHeaders()
	}
	return nil
}

// single is a variable with one value.
func single(v plugintypes.TransactionVariables, variable sieve.Variable) collection.Single {
	switch variable {
	case sieve.RequestMethod:
		return v.RequestMethod()
	case sieve.RequestURI:
		return v.RequestURI()
	case sieve.RequestURIRaw:
		return v.RequestURIRaw()
	case sieve.RequestLine:
		return v.RequestLine()
	case sieve.RequestFilename:
		return v.RequestFilename()
	case sieve.RequestBasename:
		return v.RequestBasename()
	case sieve.RequestProtocol:
		return v.RequestProtocol()
	case sieve.QueryString:
		return v.QueryString()
	case sieve.RequestBody:
		return v.RequestBody()
	case sieve.RequestBodyLength:
		return v.RequestBodyLength()
	case sieve.ReqbodyProcessor:
		return v.RequestBodyProcessor()
	case sieve.FilesCombinedSize:
		return v.FilesCombinedSize()
	case sieve.RemoteAddr:
		return v.RemoteAddr()
	}
	return nil
}
