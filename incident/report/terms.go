package report

import (
	"github.com/theriac-edge/theriac/plot"
	"github.com/theriac-edge/theriac/watch"
)

// reportTerms are those that every report uses.
var reportTerms = []plot.Term{
	{Name: "onset", Meaning: "the second in which the excess began that raised the level or was stopped; it is known only afterwards"},
	{Name: "detected", Meaning: "the second in which the rule asked for level 2 or more, or a control that was in force began to stop more than 100 a second"},
	{Name: "alerted", Meaning: "when the first receiver accepted an alert"},
	{Name: "first action", Meaning: "the first second since the onset in which a control stopped something; it can be before the detection"},
	{Name: "effective", Meaning: "the first second of ten in which at least 95 % of the requests of customers were answered well, at least half of the usual customers came, and the shop was not sick at the end; the ten seconds are stretched to sixty until they hold ten requests"},
	{Name: "last sign", Meaning: "the last second in which the attack was seen; it counts as over after five minutes without"},
	{Name: "time to mitigate", Meaning: "from the onset until it was effective; 0 s only if customers never fell below 95 %"},
	{Name: "not measurable", Meaning: "fewer than ten requests of customers came within a minute, so nobody can tell how customers fared"},
	{Name: "customer", Meaning: "a visitor whose browser was seen before the attack (a stamp) or has solved a challenge (a pass)"},
	{Name: "stranger", Meaning: "a request for a page, a search, a log-in or a cart from a visitor that is not a customer in this sense; new customers are strangers for about one request"},
	{Name: "served well", Meaning: "answered without a server error, not slowly, and not refused because of a limit of the whole shop"},
	{Name: "harm", Meaning: "seconds in which fewer than 95 % of the requests of customers were served well or, if none came, in which the shop was sick"},
	{Name: "sick", Meaning: "the shop answers many requests with errors or late, or lets them wait"},
	{Name: "expected", Meaning: "what is usual at this hour of the week"},
	{Name: "level", Meaning: "how hard the shop is under attack, from 0 (calm) to 4 (siege); it decides which visitors are challenged"},
}

// controlTerms are the controls, as reports name them.
var controlTerms = [watch.Controls]plot.Term{
	watch.ByScrub:     {Name: "scrubber", Meaning: "drops packets before they reach an edge"},
	watch.ByGate:      {Name: "gate", Meaning: "resets connections before TLS"},
	watch.ByBan:       {Name: "bans", Meaning: "refuse everything from a client that ignored refusals"},
	watch.ByLimit:     {Name: "rate limits", Meaning: "refuse what exceeds a client's, subnet's or shop's budget"},
	watch.ByChallenge: {Name: "challenge", Meaning: "asks for proof of work before a page"},
	watch.ByFirewall:  {Name: "firewall", Meaning: "refuses requests that look like attacks on the shop's software"},
}

// vectorTerms are the vectors.
var vectorTerms = [watch.Vectors]string{
	watch.GetFlood:      "very many requests for pages",
	watch.CacheBusting:  "requests for pages with queries that no cache can know",
	watch.SearchFlood:   "very many searches, which cost a shop more than pages",
	watch.LoginGuessing: "passwords or vouchers are tried in masses",
	watch.CheckoutSpam:  "carts and checkouts in masses",
	watch.FewClients:    "a handful of clients, each of which sends far more than a customer",
	watch.SolverBots:    "clients that solve challenges in masses",
	watch.StampedBots:   "clients that come with stamps that they collected before",
	watch.SlowHeader:    "requests whose header comes very slowly, to hold connections",
	watch.SlowBody:      "requests whose body comes very slowly, to hold connections",
	watch.H2Reset:       "HTTP/2 requests that are cancelled at once, in masses",
	watch.TLSFlood:      "TLS handshakes in masses",
	watch.WebSocket:     "WebSocket connections in masses",
	watch.WAFBodies:     "bodies that are expensive to inspect",
	watch.SYN:           "TCP connections that are begun in masses, often with forged sources",
	watch.Stray:         "TCP packets that belong to no connection",
	watch.Amplification: "answers of other services, which were asked with a forged source",
	watch.UDP:           "UDP packets in masses",
	watch.Fragment:      "fragments of packets in masses",
	watch.ICMP:          "ICMP packets in masses",
	watch.Malformed:     "packets that no honest sender makes",
	watch.Carpet:        "a flood over many addresses or shops, each below its own limit",
}

// meaningOf returns what a vector is.
func meaningOf(vector string) string {
	for v, meaning := range vectorTerms {
		if watch.Vector(v).String() == vector {
			return meaning
		}
	}
	return "a kind of attack that a newer version knows"
}
