//go:build race

package interop

// rotations is how many there are in TestRotationsFailNoVerification; the race detector makes each ten times as long.
const rotations = 3
