//go:build !linux

package grants

// lowerPriority does nothing where threads have no priority of their own.
func lowerPriority() {}
