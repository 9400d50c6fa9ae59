// Package storagetest is the suite that every storage engine passes: what
// package storage promises, as tests. An engine calls [Run] from its own tests,
// once for each set-up:
//
//	storagetest.Run(t, func(t *testing.T) storagetest.Instance { … })
//
// The suite imports no driver. What an engine cannot do it leaves out of its
// [Instance]; the cases that need it are then not part of the run.
package storagetest
