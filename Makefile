# make run and make test need nothing but Go. make help lists the rest.

GOLANGCI_LINT := v2.15.0
CFN_LINT      := 1.58.0
FUZZTIME      ?= 20s
MUTATED       := ./internal/awsconfig ./internal/plain ./internal/request ./internal/suspension ./internal/parallel ./internal/failure ./internal/chime \
	./internal/queue ./internal/worker ./functions/suspend-users

# No C library, which provided.al2023 may not have, no RPC mode of Lambda's old runtime, no paths and no build ID.
FLAGS     := -tags=lambda.norpc -trimpath -buildvcs=false '-ldflags=-s -w -buildid='
BUILD     := CGO_ENABLED=0 go build $(FLAGS)
SAM_FLAGS := CGO_ENABLED=0 GOFLAGS="$(FLAGS)" # sam build has no flags of its own for Go.

.DEFAULT_GOAL := help
.PHONY: help run invoke test chaos conformance mutation bench bench-parts capacity fuzz build sam-build lint lint-template fmt clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'make run takes EVENTS=path (a file or folder), USERS=100000 (made-up load), KEEP=1 (stay up), PORT=9911,'
	@echo 'and SQS_ENDPOINT=URL (another SQS). make invoke takes EVENT=path (a file or folder). make fuzz takes FUZZTIME=5m'
	@echo "for each target, make capacity PLAN='-requests 200000 -limit 5' (a plan of your own) or PLAN=-help."

run: ## run the whole pipeline on this machine: HR events in, suspended users and dead letters out
	@$(BUILD) -o bin/suspend-users ./functions/suspend-users
	@go build -o bin/local ./internal/local
	@bin/local -log bin/worker.log \
		$(if $(EVENTS),-events '$(EVENTS)') \
		$(if $(USERS),-users '$(USERS)') \
		$(if $(SQS_ENDPOINT),-sqs-endpoint '$(SQS_ENDPOINT)') \
		$(if $(PORT),-port '$(PORT)') \
		$(if $(filter-out 0,$(KEEP)),-keep)

invoke: ## hand events to the function in its real container, with sam local invoke (needs Docker and the SAM CLI)
	@$(BUILD) -o bin/invoke ./internal/samlocal
	@$(SAM_FLAGS) bin/invoke $(if $(EVENT),-event '$(EVENT)')

# Some tests build the binary, which the test cache does not notice: hence -count=1.
test: ## run all tests, with the race detector
	go test -race -count=1 ./...

chaos: ## break everything that can break, and count that nobody is lost (SEED=…, TIME=10m)
	@$(BUILD) -o bin/suspend-users ./functions/suspend-users
	@go build -o bin/local ./internal/local
	@bin/local -log bin/worker.log -chaos $(or $(SEED),$$(date +%s)) $(if $(TIME),-time '$(TIME)',-runs $(if $(SEED),1,3))

conformance: ## compare the stand-ins with ElasticMQ, moto, AWS CLI and boto3 (needs Python, Java and Maven)
	CONFORMANCE=1 go test -count=1 ./internal/local/conformance ./cmd/deadletters
	CONFORMANCE=1 go test -count=1 -run "^(TestDeployment|TestNewVersionCheck)$$" ./functions/suspend-users

mutation: ## change the code in one place at a time, and see that a test fails (PACKAGES=…)
	go run ./internal/mutation $(or $(PACKAGES),$(MUTATED))

bench: build ## measure the function beside its yardsticks, into docs/performance.* (ROUNDS=…; one needs Node.js 20)
	@$(BUILD) -o bin/yardsticks/ ./internal/bench/yardsticks/...
	@go run ./internal/bench $(if $(ROUNDS),-rounds '$(ROUNDS)')

bench-parts: ## run the Go benchmarks of the parts (COUNT=10 > new.txt, for benchstat)
	go test -run '^$$' -bench . -benchmem -count $(or $(COUNT),1) ./...

capacity: ## plan capacity and cost past this machine, and write the tables and plots of docs/capacity.md (PLAN=…)
	@go run ./internal/capacity $(or $(PLAN),-docs docs)

fuzz: ## run each fuzz target for FUZZTIME
	@set -e; for package in $$(go list ./internal/...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "go test -fuzz ^$$target\$$ -fuzztime $(FUZZTIME) $$package"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$package; \
		done; \
	done

build: ## build the function for arm64 and amd64, stripped and reproducible, into dist/
	GOOS=linux GOARCH=arm64 $(BUILD) -o dist/arm64/bootstrap ./functions/suspend-users
	GOOS=linux GOARCH=amd64 $(BUILD) -o dist/amd64/bootstrap ./functions/suspend-users

sam-build: ## build the function with the SAM CLI, with the flags of make build, for sam deploy (ARCHITECTURE=x86_64)
	@command -v sam >/dev/null || { echo 'sam-build needs the SAM CLI: pipx install aws-sam-cli'; exit 1; }
	$(SAM_FLAGS) sam build $(if $(ARCHITECTURE),--parameter-overrides Architecture=$(ARCHITECTURE))

lint: bin/golangci-lint-$(GOLANGCI_LINT) ## check the Go code
	bin/golangci-lint-$(GOLANGCI_LINT) run ./...

fmt: bin/golangci-lint-$(GOLANGCI_LINT) ## format the Go code
	bin/golangci-lint-$(GOLANGCI_LINT) fmt ./...

bin/golangci-lint-$(GOLANGCI_LINT):
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)
	mv bin/golangci-lint $@

lint-template: bin/cfn-lint-$(CFN_LINT)/bin/cfn-lint ## check template.yaml (needs Python)
	bin/cfn-lint-$(CFN_LINT)/bin/cfn-lint --include-checks I --template template.yaml

bin/cfn-lint-$(CFN_LINT)/bin/cfn-lint:
	python3 -m venv bin/cfn-lint-$(CFN_LINT)
	bin/cfn-lint-$(CFN_LINT)/bin/pip install --quiet 'cfn-lint==$(CFN_LINT)'

clean: ## remove what was built
	rm -rf bin dist
