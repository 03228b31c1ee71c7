package server

// beginSpan begins the span of a request; what it causes is below it.
func (r *request) beginSpan(path string) {
	request := r.Request()
	ctx, span := r.server.Tracer.Request(request.Context(), request.Header, request.Method, path)
	r.span = &span
	r.SetRequest(request.WithContext(ctx))
}

// endSpan ends it with what the log says, too.
func (r *request) endSpan() {
	if r.span == nil {
		return
	}
	level, code := "", ""
	switch {
	case r.issued != nil:
		level = string(r.issued.Level)
	case r.caller != nil:
		level = string(r.caller.Level)
	}
	if r.failed != nil {
		code = r.failed.Code
	}
	r.span.End(r.status, level, code)
}
