// Package web is Writ in a browser: pages of html/template with one style sheet, no script, nothing from elsewhere. It knows neither the
// database nor tokens: handlers tell a page what to say.
package web
