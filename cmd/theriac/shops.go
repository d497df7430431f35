package main

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/theriac-edge/theriac/demoshop"
)

// openShop serves a demo shop on a free loopback port until stop is called.
func openShop(config demoshop.Config) (address string, stop func(), err error) {
	shop, err := demoshop.New(config)
	if err != nil {
		return "", nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		shop.Close()
		return "", nil, fmt.Errorf("opening shop %s: %w", config.Slug, err)
	}
	server := &http.Server{Handler: shop, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // ends with ErrServerClosed when stop is called
	}()
	return listener.Addr().String(), func() {
		_ = server.Close()
		<-ended
		shop.Close()
	}, nil
}
