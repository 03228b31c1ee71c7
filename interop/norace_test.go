//go:build !race

package interop

// rotations is how many there are in TestRotationsFailNoVerification.
const rotations = 20
