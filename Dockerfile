FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -o /mxsweep ./cmd/mxsweep

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /mxsweep /mxsweep
USER 65532:65532
WORKDIR /data
ENTRYPOINT ["/mxsweep"]
