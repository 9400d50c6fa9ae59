package main

import (
	"slices"
	"time"
)

// spread is a median with its quartiles.
type spread struct{ low, median, high float64 }

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	return spread{quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)}
}

// quantile interpolates between the two values next to it.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// medianOf is the median of one figure of samples.
func medianOf(samples []sample, figure func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = figure(s)
	}
	return spreadOf(values).median
}

func seconds(s sample) float64 { return s.took.Seconds() }

// percentiles are p50 and p95.
func percentiles(times []time.Duration) (p50, p95 time.Duration) {
	values := make([]float64, len(times))
	for i, t := range times {
		values[i] = float64(t)
	}
	slices.Sort(values)
	return time.Duration(quantile(values, 0.5)), time.Duration(quantile(values, 0.95))
}

// quantileOf is the quantile of values in any order.
func quantileOf(values []float64, q float64) float64 {
	return quantile(slices.Sorted(slices.Values(values)), q)
}
