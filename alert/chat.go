package alert

import (
	"strings"
	"time"
)

// colors are of the bar beside a message, by severity.
var colors = [severities]string{Info: "#1976d2", Warning: "#f9a825", Error: "#ef6c00", Critical: "#c62828"}

const green = "#2e7d32"

// slackBody is what an incoming webhook of Slack takes, and those of Mattermost and Rocket.Chat
// with it (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/).
type slackBody struct {
	Text        string            `json:"text"`
	Mrkdwn      bool              `json:"mrkdwn"` // false: stars and underscores are themselves
	Attachments []slackAttachment `json:"attachments"`
}

// slackAttachment is a secondary attachment
// (https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments/).
// It has no mrkdwn_in, so that its texts are plain.
type slackAttachment struct {
	Fallback  string       `json:"fallback"`
	Color     string       `json:"color"`
	Title     string       `json:"title,omitempty"`
	TitleLink string       `json:"title_link,omitempty"`
	Text      string       `json:"text,omitempty"`
	Fields    []slackField `json:"fields,omitempty"`
	Footer    string       `json:"footer"`
	TS        int64        `json:"ts"`
}

type slackField struct {
	Title string `json:"title"`
	Value string `json:"value"`
	Short bool   `json:"short"`
}

// slackText is a text in which nothing is a mention, a link or another control of Slack, whose
// escapes are these three, or of Mattermost, which has Markdown: there an invisible space
// keeps '@' from the name behind it and ']' from the address.
var slackText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "@\u200b", "](", "]\u200b(")

// newSlack encodes for Slack, Mattermost and Rocket.Chat.
func newSlack(_ *Webhook, node string) encoder {
	return func(m message, _ time.Time) (any, func()) {
		title := slackText.Replace(m.title())
		a := slackAttachment{
			Fallback: title, Color: colors[m.severity()], Text: slackText.Replace(m.text()),
			Footer: slackText.Replace(cut("Theriac "+node, maxName)), TS: m.events[0].At.Unix(),
		}
		if m.isOver() {
			a.Color = green
		}
		if link := m.link(); link != "" {
			a.Title, a.TitleLink = "Report", link
		}
		for _, d := range m.rows() {
			a.Fields = append(a.Fields, slackField{slackText.Replace(d.Label), slackText.Replace(d.Value), len(d.Value) <= 40})
		}
		return slackBody{Text: title, Attachments: []slackAttachment{a}}, nil
	}
}

// teamsBody is what the trigger "When a Teams webhook request is received" of Workflows takes
// (https://learn.microsoft.com/connectors/teams/#request-body-schema).
type teamsBody struct {
	Type        string            `json:"type"`
	Attachments []teamsAttachment `json:"attachments"`
}

type teamsAttachment struct {
	ContentType string    `json:"contentType"`
	ContentURL  *string   `json:"contentUrl"` // null
	Content     teamsCard `json:"content"`
}

// teamsCard is an Adaptive Card (https://adaptivecards.io/explorer/AdaptiveCard.html).
type teamsCard struct {
	Schema  string        `json:"$schema"`
	Type    string        `json:"type"`
	Version string        `json:"version"`
	Body    []teamsBlock  `json:"body"`
	Actions []teamsAction `json:"actions,omitempty"`
	MSTeams teamsWidth    `json:"msteams"`
}

type teamsWidth struct {
	Width string `json:"width"`
}

// teamsBlock is a RichTextBlock: unlike a TextBlock and a FactSet it reads no Markdown, so
// that there is nothing to escape.
type teamsBlock struct {
	Type    string     `json:"type"`
	Inlines []teamsRun `json:"inlines"`
	Spacing string     `json:"spacing,omitempty"`
}

type teamsRun struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Weight string `json:"weight,omitempty"`
	Size   string `json:"size,omitempty"`
	Color  string `json:"color,omitempty"`
}

type teamsAction struct {
	Type  string `json:"type"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

var teamsColors = [severities]string{Info: "Accent", Warning: "Warning", Error: "Attention", Critical: "Attention"}

// newTeams encodes for Workflows of Microsoft Teams.
func newTeams(_ *Webhook, node string) encoder {
	return func(m message, _ time.Time) (any, func()) {
		color := teamsColors[m.severity()]
		if m.isOver() {
			color = "Good"
		}
		block := func(spacing string, runs ...teamsRun) teamsBlock {
			return teamsBlock{"RichTextBlock", runs, spacing}
		}
		run := func(text string) teamsRun { return teamsRun{Type: "TextRun", Text: text} }
		bold := func(text string) teamsRun { return teamsRun{Type: "TextRun", Text: text, Weight: "Bolder"} }

		blocks := []teamsBlock{block("", teamsRun{Type: "TextRun", Text: m.title(), Weight: "Bolder", Size: "Medium", Color: color})}
		for text := range strings.SplitSeq(m.text(), "\n") {
			if text != "" {
				blocks = append(blocks, block("Small", run(text)))
			}
		}
		for _, d := range m.rows() {
			blocks = append(blocks, block("Small", bold(d.Label+": "), run(d.Value)))
		}
		blocks = append(blocks, block("Medium", teamsRun{Type: "TextRun", Text: cut("Theriac "+node, maxName), Size: "Small"}))

		card := teamsCard{
			Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4",
			Body: blocks, MSTeams: teamsWidth{"full"},
		}
		if link := m.link(); link != "" {
			card.Actions = []teamsAction{{"Action.OpenUrl", "Report", link}}
		}
		return teamsBody{"message", []teamsAttachment{{"application/vnd.microsoft.card.adaptive", nil, card}}}, nil
	}
}
