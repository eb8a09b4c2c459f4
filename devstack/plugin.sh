#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# DevStack sources this in each of its phases, with its own functions at hand.

_XTRACE_VALENCE=$(set +o | grep xtrace)
set +o xtrace

VALENCE_BIN_DIR=$(get_python_exec_prefix)
VALENCE_URL=$VALENCE_SERVICE_PROTOCOL://$VALENCE_SERVICE_HOST:$VALENCE_SERVICE_PORT

function is_valence_enabled {
    is_service_enabled valence-api || is_service_enabled valence-cond
}

function install_valence {
    setup_develop "$VALENCE_DIR" "" all
}

function configure_valence {
    # DevStack asks for a character set in the URL; Valence brings its own.
    local connection
    connection=$(database_connection_url valence)
    sudo install -d -o "$STACK_USER" "$VALENCE_CONF_DIR" "$VALENCE_STATE_DIR"
    rm -f "$VALENCE_CONF"

    iniset "$VALENCE_CONF" DEFAULT debug "$ENABLE_DEBUG_LOG_LEVEL"
    iniset "$VALENCE_CONF" DEFAULT state_dir "$VALENCE_STATE_DIR"
    iniset "$VALENCE_CONF" DEFAULT auth_strategy keystone
    iniset "$VALENCE_CONF" DEFAULT transport_url "$(get_transport_url valence)"
    iniset "$VALENCE_CONF" api host "$SERVICE_LISTEN_ADDRESS"
    iniset "$VALENCE_CONF" api port "$VALENCE_SERVICE_PORT"
    iniset "$VALENCE_CONF" api public_url "$VALENCE_URL"
    iniset "$VALENCE_CONF" secrets key_file "$VALENCE_CONF_DIR/secrets.keys"
    iniset "$VALENCE_CONF" database connection "${connection%%\?*}"
    configure_keystone_authtoken_middleware "$VALENCE_CONF" valence
    setup_logging "$VALENCE_CONF"
}

function create_valence_accounts {
    create_service_user valence
    get_or_create_service valence rack "Racks of hardware behind pod managers"
    get_or_create_endpoint rack "$REGION_NAME" "$VALENCE_URL"
}

function init_valence {
    rpc_backend_add_vhost valence
    recreate_database valence
    [[ -e $VALENCE_CONF_DIR/secrets.keys ]] || manage_valence secrets create
    manage_valence db upgrade
}

function manage_valence {
    "$VALENCE_BIN_DIR/valence-manage" --config-file "$VALENCE_CONF" "$@"
}

function start_valence {
    run_process valence-cond "$VALENCE_BIN_DIR/valence-conductor --config-file $VALENCE_CONF"
    run_process valence-api "$VALENCE_BIN_DIR/valence-api --config-file $VALENCE_CONF"
    if ! wait_for_service "$SERVICE_TIMEOUT" "$VALENCE_URL/readyz"; then
        die $LINENO "Valence did not become ready, see the journal of valence-api and valence-cond"
    fi
}

function start_valence_simulator {
    local size="--racks $VALENCE_SIMULATOR_RACKS --systems $VALENCE_SIMULATOR_SYSTEMS"
    run_process valence-simulator "$VALENCE_BIN_DIR/valence-simulator --port $VALENCE_SIMULATOR_PORT $size"
    wait_for_service "$SERVICE_TIMEOUT" "http://127.0.0.1:$VALENCE_SIMULATOR_PORT/redfish"
    register_valence_simulator
}

function register_valence_simulator {
    local url="http://127.0.0.1:$VALENCE_SIMULATOR_PORT/redfish/v1"
    local token
    token=$(openstack --os-cloud devstack-admin token issue -f value -c id)
    curl --silent --show-error --fail --request POST "$VALENCE_URL/v1/pod_managers" \
        --header "X-Auth-Token: $token" --header "Content-Type: application/json" \
        --data "{\"name\": \"devstack\", \"url\": \"$url\", \"username\": \"admin\", \"password\": \"password\"}"
}

function stop_valence {
    stop_process valence-api
    stop_process valence-cond
    stop_process valence-simulator
}

function cleanup_valence {
    sudo rm -rf "$VALENCE_CONF_DIR" "$VALENCE_STATE_DIR"
}

if is_valence_enabled; then
    case "$1 $2" in
        "stack install")
            echo_summary "Installing Valence"
            install_valence
            ;;
        "stack post-config")
            echo_summary "Configuring Valence"
            configure_valence
            create_valence_accounts
            init_valence
            ;;
        "stack extra")
            echo_summary "Starting Valence"
            start_valence
            if is_service_enabled valence-simulator; then
                start_valence_simulator
            fi
            ;;
        "unstack ")
            stop_valence
            ;;
        "clean ")
            cleanup_valence
            ;;
    esac
fi

$_XTRACE_VALENCE
