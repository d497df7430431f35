// Package seclang reads SecLang, the language of ModSecurity's rules, as the OWASP Core
// Rule Set uses it and Coraza understands it: rules with their variables, operators,
// transformations, actions and chains.
//
// It reads, and judges nothing. What it does not know stands in the result, as an action
// with its name, or as a [Directive] in [Program.Unknown], so that whoever reads a program
// can refuse to conclude anything from it. Only text that Coraza refuses as well is an error.
package seclang
