// Package mail composes the mails of account states and hands them to an SMTP server. It owns their words, the queue and the retries.
// It knows nothing of HTTP, of the database, or of what a link is good for: somebody gives it an address, a kind and a link.
//
// Nobody who asks for a mail waits for it. A request is a function that says what to send; it runs in the background too, so that whether
// there is anything to send cannot be seen from outside. What is queued when the process ends is lost after a last try: whoever misses
// a mail asks for another.
//
// Letters hold nothing that a stranger may have chosen but names of organizations and applications, whose characters are few: a person's
// name in a mail to an address that anybody can type in would let anybody send his own words in our name.
package mail
