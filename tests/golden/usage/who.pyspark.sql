SELECT
  *
FROM (
  SELECT
    `t24`.`seat`,
    `t24`.`session_id`,
    `t24`.`source`,
    `t24`.`tenant`,
    `t24`.`agent`,
    `t24`.`place`,
    `t24`.`dn`,
    `t24`.`switch_kind`,
    `t24`.`media`,
    `t24`.`client`,
    `t24`.`login`,
    `t24`.`logout`,
    `t24`.`estimated`
  FROM (
    SELECT
      *
    FROM (
      SELECT
        `t21`.`source`,
        `t21`.`session_id`,
        `t21`.`tenant`,
        `t21`.`agent`,
        `t21`.`place`,
        `t21`.`dn`,
        `t21`.`switch_kind`,
        `t21`.`media`,
        `t21`.`client`,
        `t21`.`queues`,
        `t21`.`login`,
        `t21`.`logout`,
        `t21`.`estimated`,
        `t21`.`seat`
      FROM (
        SELECT
          `t19`.`source`,
          `t19`.`session_id`,
          `t19`.`tenant`,
          `t19`.`agent`,
          `t19`.`place`,
          `t19`.`dn`,
          `t19`.`switch_kind`,
          `t19`.`media`,
          `t19`.`client`,
          `t19`.`queues`,
          `t19`.`login`,
          `t19`.`logout`,
          `t19`.`estimated`,
          CASE
            WHEN `t19`.`place` <> ''
            THEN CONCAT('place ', `t19`.`place`)
            WHEN `t19`.`dn` <> ''
            THEN CONCAT('DN ', `t19`.`dn`)
            WHEN `t19`.`agent` <> ''
            THEN CONCAT('agent ', `t19`.`agent`)
            ELSE CONCAT('session ', `t19`.`session_id`)
          END AS `seat`
        FROM (
          SELECT
            `t3`.`source`,
            `t3`.`session_id`,
            `t3`.`tenant`,
            `t3`.`agent`,
            `t3`.`place`,
            `t3`.`dn`,
            `t3`.`switch_kind`,
            `t3`.`media`,
            `t3`.`client`,
            `t3`.`queues`,
            `t3`.`login`,
            COALESCE(`t3`.`logout`, `t18`.`last`) AS `logout`,
            `t3`.`estimated` OR (
              `t18`.`last` IS NOT NULL
            ) AS `estimated`
          FROM `sessions` AS `t3`
          LEFT OUTER JOIN (
            SELECT
              `t16`.`fact`,
              `t16`.`last`
            FROM (
              SELECT
                `t15`.`fact`,
                MAX(`t15`.`ended`) AS `last`,
                COUNT(*) AS `sources`,
                COUNT(`t15`.`ended`) AS `dead`
              FROM (
                SELECT
                  `t14`.`fact`,
                  `t14`.`observer`,
                  MIN(`t14`.`ended`) AS `ended`
                FROM (
                  SELECT
                    `t13`.`fact`,
                    `t13`.`observer`,
                    `t7`.`ended`
                  FROM (
                    SELECT
                      *
                    FROM (
                      SELECT
                        `t6`.`session_id` AS `fact`,
                        `t6`.`login` AS `begins`,
                        EXPLODE(SPLIT(`t6`.`source`, '[|]')) AS `observer`
                      FROM (
                        SELECT
                          *
                        FROM `sessions` AS `t1`
                        WHERE
                          `t1`.`logout` IS NULL
                      ) AS `t6`
                    ) AS `t11`
                    WHERE
                      `t11`.`observer` <> ''
                  ) AS `t13`
                  LEFT OUTER JOIN (
                    SELECT
                      `t2`.`source` AS `observer`,
                      `t2`.`ended`
                    FROM `ends` AS `t2`
                  ) AS `t7`
                    ON `t13`.`observer` = `t7`.`observer` AND `t7`.`ended` >= `t13`.`begins`
                ) AS `t14`
                GROUP BY
                  1,
                  2
              ) AS `t15`
              GROUP BY
                1
            ) AS `t16`
            WHERE
              `t16`.`sources` = `t16`.`dead`
          ) AS `t18`
            ON `t3`.`session_id` = `t18`.`fact`
        ) AS `t19`
        WHERE
          CONTAINS(`t19`.`media`, '|chat|')
      ) AS `t21`
      LEFT SEMI JOIN (
        SELECT
          *
        FROM `configuration` AS `t0`
        WHERE
          `t0`.`kind` = 'agent' AND `t0`.`detail` = 'agent'
      ) AS `t9`
        ON `t21`.`agent` = `t9`.`name`
        AND `t21`.`tenant` = `t9`.`tenant`
        AND `t9`.`since` < COALESCE(`t21`.`logout`, 8589934592)
        AND COALESCE(`t9`.`until`, 8589934592) > `t21`.`login`
    ) AS `t22`
    WHERE
      `t22`.`login` <= 1788220860
      AND COALESCE(`t22`.`logout`, 8589934592) > 1788220860
      AND `t22`.`tenant` = 'Harbor'
  ) AS `t24`
  LEFT SEMI JOIN (
    SELECT
      `t0`.`tenant`,
      `t0`.`name` AS `group`,
      `t0`.`detail` AS `member`,
      `t0`.`since`,
      COALESCE(`t0`.`until`, 8589934592) AS `until`
    FROM `configuration` AS `t0`
    WHERE
      `t0`.`kind` = 'agent-group'
      AND `t0`.`tenant` = 'Harbor'
      AND `t0`.`name` = 'service'
      AND `t0`.`detail` <> ''
      AND `t0`.`since` <= 1788220860
      AND COALESCE(`t0`.`until`, 8589934592) > 1788220860
  ) AS `t10`
    ON `t24`.`agent` = `t10`.`member`
) AS `t25`
ORDER BY
  `t25`.`seat` ASC NULLS LAST,
  `t25`.`login` ASC NULLS LAST,
  `t25`.`session_id` ASC NULLS LAST
