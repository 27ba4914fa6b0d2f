package main

import "time"

// Prices are US dollars in us-east-1 before any free tier, as of 2026-06, from
// https://aws.amazon.com/lambda/pricing/ (arm64, INIT included since 2025-08), https://aws.amazon.com/sqs/pricing/ (standard
// queue) and https://aws.amazon.com/cloudwatch/pricing/.
type Prices struct {
	LambdaRequest  float64
	LambdaGBSecond float64
	SQSRequest     float64 // for each 64 KB or part of it, which ten messages stay below
	LogGB          float64 // taken in
	Metric         float64 // a month
}

// Bill is what something costs, in US dollars.
type Bill struct {
	Requests, Duration, Queue, Logs float64
}

// Total is the sum.
func (b Bill) Total() float64 { return b.Requests + b.Duration + b.Queue + b.Logs }

// Bill returns what a run costs, without what costs the same however much there is to do.
func (p Prices) Bill(r Result) Bill {
	return Bill{
		Requests: float64(r.Invocations) * p.LambdaRequest,
		Duration: r.GBSeconds * p.LambdaGBSecond,
		Queue:    float64(r.Receives+r.Batches) * p.SQSRequest,
		Logs:     float64(r.LogBytes) / 1e9 * p.LogGB,
	}
}

const (
	daysOfMonth = 30
	metrics     = 6 // that the worker reports
)

// idlePolls is how many empty receives a mapping makes in a time: with MaximumConcurrency it never has fewer pollers than it
// starts with.
func idlePolls(d time.Duration) float64 { return firstPollers * d.Seconds() / longPoll.Seconds() }
