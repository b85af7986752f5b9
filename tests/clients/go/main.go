// Publishes with azeventgrid as tests/clients/expected.py says.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/messaging"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/eventgrid/azeventgrid"
)

var moment = time.Date(2030, 1, 1, 0, 0, 0, 123000000, time.UTC)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func withKey(address, key string) *azeventgrid.Client {
	return must(azeventgrid.NewClientWithSharedKeyCredential(address, azcore.NewKeyCredential(key), nil))
}

// The module has no function that signs; this one writes the time as Go does.
func withSignature(address, key string, until time.Time) *azeventgrid.Client {
	text := fmt.Sprintf("r=%s&e=%s", url.QueryEscape(address), url.QueryEscape(until.UTC().String()))
	mac := hmac.New(sha256.New, must(base64.StdEncoding.DecodeString(key)))
	mac.Write([]byte(text))
	token := text + "&s=" + url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return must(azeventgrid.NewClientWithSAS(address, azcore.NewSASCredential(token), nil))
}

func grid(way string) []azeventgrid.Event {
	events := []azeventgrid.Event{}
	for n := 1; n <= 2; n++ {
		data := map[string]any{"n": n, "f": 1.5, "s": "\u2028\"\\", "deep": []any{map[string]any{"a": nil}}}
		events = append(events, azeventgrid.Event{
			ID: to.Ptr(fmt.Sprintf("go-%s-grid-%d", way, n)), Subject: to.Ptr(fmt.Sprintf("models/é:%d", n)),
			EventType: to.Ptr("T"), EventTime: &moment, DataVersion: to.Ptr("2"), Data: data,
		})
	}
	return events
}

func cloud(way string) []messaging.CloudEvent {
	first := must(messaging.NewCloudEvent("/me", "T", map[string]any{"n": 1}, &messaging.CloudEventOptions{
		Subject: to.Ptr("s"), Time: &moment, DataContentType: to.Ptr("application/json"),
		DataSchema: to.Ptr("https://x/y"), Extensions: map[string]any{"mine": "x"},
	}))
	second := must(messaging.NewCloudEvent("/me", "T", []byte{0, 255}, &messaging.CloudEventOptions{
		DataContentType: to.Ptr("application/octet-stream"),
	}))
	first.ID, second.ID = "go-"+way+"-cloud-1", "go-"+way+"-cloud-2"
	return []messaging.CloudEvent{first, second}
}

func main() {
	ctx, server := context.Background(), os.Getenv("GIVEN_URL")
	key1, key2, cloudsKey := os.Getenv("GIVEN_KEY1"), os.Getenv("GIVEN_KEY2"), os.Getenv("GIVEN_CLOUDS_KEY")
	workspace, clouds := server+"/api/events", server+"/topics/clouds/api/events"
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)

	for way, client := range map[string]*azeventgrid.Client{
		"key1": withKey(workspace, key1), "key2": withKey(workspace, key2), "sas": withSignature(workspace, key1, soon),
	} {
		must(client.PublishEvents(ctx, grid(way), nil))
		must(client.PublishCloudEvents(ctx, cloud(way), nil))
	}
	must(withSignature(clouds, cloudsKey, soon).PublishCloudEvents(ctx, cloud("clouds"), nil))
	own := map[string]any{
		"myId": "go-custom-1", "kind": "T", "about": "orders/é", "more": map[string]any{"a": []any{1, 2.5, nil}},
	}
	orders := withKey(server+"/topics/orders/api/events", os.Getenv("GIVEN_ORDERS_KEY"))
	must(orders.PublishCustomEventEvents(ctx, []any{own}, nil))

	refused := [][]any{}
	for _, client := range []*azeventgrid.Client{
		withKey(workspace, "d3Jvbmc="), withSignature(workspace, key1, past), withKey(clouds, cloudsKey),
	} {
		_, err := client.PublishEvents(ctx, grid("refused"), nil)
		var answer *azcore.ResponseError
		if errors.As(err, &answer) {
			refused = append(refused, []any{answer.StatusCode, answer.ErrorCode})
		}
	}
	must(os.Stdout.Write(must(json.Marshal(map[string]any{"errors": refused}))))
}
